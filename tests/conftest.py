"""Shared set-up: the compilation cache, Hypothesis profiles and the data folder."""

import atexit
import hashlib
import os
import pathlib
import shutil
import signal
import tempfile

# A shell starts background commands with Ctrl-C ignored, and so would be all processes that tests
# start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# numba's disk cache does not notice edits made in *other* files, so it is keyed by all files that
# have kernels. This must happen before numba is imported for the first time.
ROOT = pathlib.Path(__file__).parents[1]
SOURCES = b"".join(
    source
    for package in ("subopt", "comixup")
    for path in sorted((ROOT / package).rglob("*.py"))
    if b"njit" in (source := path.read_bytes()) or b"_base.jit" in source
)
if "NUMBA_CACHE_DIR" not in os.environ:
    if os.access(ROOT, os.W_OK):
        cache = ROOT / ".numba_cache" / hashlib.sha256(SOURCES).hexdigest()[:12]
    else:  # for this run; workers of pytest-xdist inherit the variable
        folder = tempfile.mkdtemp(prefix="numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        cache = pathlib.Path(folder, "kernels")
    os.environ["NUMBA_CACHE_DIR"] = str(cache)

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from subopt._base import jit  # noqa: E402

jit.interpret_small = False  # tests are of compiled kernels, from the first call on

# Deadlines measure the machine, not the code: the first example of a test may compile a kernel.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
_ALL = settings(deadline=None, suppress_health_check=_SLOW, print_blob=True)
# The same examples on every machine, every day, and whether the variable CI is set or not: CI runs
# what newcomers run. `nox -s fresh` and `nox -s deep` draw new examples.
settings.register_profile("same", _ALL, max_examples=25, derandomize=True)
settings.register_profile("nojit", _ALL, max_examples=5, derandomize=True)  # every line runs
settings.register_profile("fresh", _ALL, max_examples=40, derandomize=False)
settings.register_profile("deep", _ALL, max_examples=1000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session")
def data_dir() -> pathlib.Path:
    """The folder of instances and recorded results that ``SUBOPT_DATA`` names."""
    folder = os.environ.get("SUBOPT_DATA")
    if not folder:
        pytest.skip("SUBOPT_DATA is not set: it names the folder with the recorded instances")
    path = pathlib.Path(folder)
    if not path.is_dir():
        pytest.skip(f"SUBOPT_DATA={folder} is not a folder")
    return path
