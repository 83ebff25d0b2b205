"""Shared set-up: the compilation cache, Hypothesis profiles and the data folder."""

import hashlib
import os
import pathlib

# numba's disk cache does not notice edits made in *other* files, so it is keyed by all files that
# have kernels. This must happen before numba is imported for the first time.
ROOT = pathlib.Path(__file__).parents[1]
SOURCES = b"".join(
    source
    for package in ("subopt", "comixup")
    for path in sorted((ROOT / package).rglob("*.py"))
    if b"njit" in (source := path.read_bytes()) or b"any_order" in source
)
os.environ.setdefault(
    "NUMBA_CACHE_DIR", str(ROOT / ".numba_cache" / hashlib.sha256(SOURCES).hexdigest()[:12])
)

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

# Deadlines measure the machine, not the code: the first example of a test may compile a kernel.
_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("dev", deadline=None, max_examples=25, suppress_health_check=_SLOW)
settings.register_profile(
    "ci", deadline=None, max_examples=40, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile(  # without the JIT: every line runs, few examples
    "nojit", deadline=None, max_examples=5, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile("deep", deadline=None, max_examples=1000, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "dev"))


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
