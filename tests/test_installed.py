"""Where pip put the packages: read-only folders, no home, an archive; and how many cores count."""

import os
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

import comixup
import subopt
from subopt._base import threads

ROOT = pathlib.Path(__file__).parents[1]
# One of the smallest kernels; importing alone shows whether the others find a folder.
USE = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    import subopt, comixup
    n = 50_000  # so large that it is compiled at once
    F = subopt.Cut.from_edges([(i, i + 1) for i in range(n - 1)])
    assert F.greedy(range(n)).tolist() == [1] + [0] * (n - 2) + [-1]
    batch = np.zeros((2, 3, 4, 4), dtype=np.uint8)
    comixup.CutMix(num_classes=2, seed=0)(batch, np.array([0, 1]), step=0)
ours = [str(w.message) for w in caught if "NUMBA_CACHE_DIR" in str(w.message)]
print(len(ours), subopt.__file__)
"""
# Nothing to compile ahead of time, and no word of later runs.
AHEAD = """
import contextlib, io
from numba.core import event
from comixup.cli.compiling import announced
from subopt.__main__ import main
from subopt.compiling import warm_up
errors, lines = io.StringIO(), []
with contextlib.redirect_stderr(errors):
    assert main(["warm-up", "coupled"]) == 1
assert "NUMBA_CACHE_DIR" in errors.getvalue()
try:
    warm_up("coupled", "minimize", jobs=2)
except RuntimeError as error:
    assert "NUMBA_CACHE_DIR" in str(error)
else:
    raise AssertionError
with announced(lines.append), event.trigger_event("numba:compile"):
    pass
assert lines[0] == "compiling" and "later" not in lines[1], lines
print("done")
"""


@pytest.fixture
def site(tmp_path):
    """A copy of the packages, as pip would put it, without anything compiled."""
    folder = tmp_path / "site"
    for package in ("subopt", "comixup"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


def run(code, path, cwd, **environment):
    cwd.mkdir(exist_ok=True)
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in ("HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    }
    env |= {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("home", ["cannot be written", "is not known"])
def test_without_a_folder_to_write_to(site, tmp_path, home, jit):
    # files in the way, and not permissions, which would not stop an administrator
    for folder in [site, *(path for path in site.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("in the way", encoding="utf-8")
    (tmp_path / "home").write_text("in the way", encoding="utf-8")
    # a home that is not known stays a tilde, as for a user that the machine does not know
    where = {"cannot be written": str(tmp_path / "home"), "is not known": "~"}[home]
    warned, file = run(USE, site, tmp_path / "cwd", HOME=where)
    assert warned == ("1" if jit else "0")
    assert file.startswith(str(site))
    assert not list((tmp_path / "cwd").iterdir()), "a folder was made in the working directory"
    if jit:
        assert run(AHEAD, site, tmp_path / "cwd", HOME=where)[-1] == "done"


def test_an_archive(site, tmp_path, jit):
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in site.rglob("*"):
            file.write(path, path.relative_to(site))
    home = tmp_path / "home"
    home.write_text("in the way", encoding="utf-8")
    warned, file = run(USE, archive, tmp_path / "cwd", HOME=str(home))
    assert warned == ("1" if jit else "0")
    assert file.startswith(str(archive))
    assert not list((tmp_path / "cwd").iterdir())


def test_a_folder_that_the_user_names(site, tmp_path, jit):
    cache = tmp_path / "cache"
    assert run(USE, site, tmp_path / "cwd", NUMBA_CACHE_DIR=str(cache))[0] == "0"
    assert bool(list(cache.rglob("*.nbi"))) == jit


@pytest.fixture
def jit():
    import numba

    return not numba.config.DISABLE_JIT


@pytest.fixture
def groups(tmp_path):
    def make(lines, files):
        table = tmp_path / "groups"
        table.write_text(lines, encoding="utf-8")
        for name, text in files.items():
            (tmp_path / "cgroup" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "cgroup" / name).write_text(text, encoding="utf-8")
        return threads.cpu_quota(tmp_path / "cgroup", table)

    return make


@pytest.mark.parametrize(
    ("lines", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, float("inf")),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000"}, 2.0),
        ("0::/elsewhere\n", {"cpu.max": "50000 100000"}, 0.5),  # as seen in a container
        (
            "3:cpu,cpuacct:/x\n2:memory:/y\n",
            {"cpu/x/cpu.cfs_quota_us": "300000", "cpu/x/cpu.cfs_period_us": "100000"},
            3.0,
        ),
        (
            "3:cpu:/x\n",
            {"cpu/x/cpu.cfs_quota_us": "-1", "cpu/x/cpu.cfs_period_us": "100000"},
            float("inf"),
        ),
        ("0::/\n", {"cpu.max": "nonsense"}, float("inf")),
        ("", {}, float("inf")),
    ],
)
def test_quotas_of_control_groups(groups, lines, files, cores):
    assert groups(lines, files) == cores


def test_no_control_groups(tmp_path):
    assert threads.cpu_quota(tmp_path, tmp_path / "missing") == float("inf")


def test_threads_are_one_per_core_that_is_allowed(monkeypatch):
    assert 1 <= threads.thread_count(None) <= os.cpu_count()
    monkeypatch.setattr(threads, "cpu_quota", lambda: 0.3)
    assert threads.thread_count(None) == 1
    assert threads.thread_count(5) == 5


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux")
def test_threads_follow_the_affinity():
    code = (
        "import os; os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])\n"
        "from subopt._base.threads import thread_count; print(thread_count(None))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split() == ["1"]


def test_one_version():
    assert subopt.__version__ == comixup.__version__
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"version: {subopt.__version__}\n" in citation
    for command in (["-m", "subopt", "--version"], ["-m", "comixup", "--version"]):
        done = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, cwd=ROOT, check=True
        )
        assert done.stdout.split() == [command[1], subopt.__version__]


def test_what_a_program_compiles_says_nothing_about_what_is_kept():
    code = (
        "import warnings; warnings.simplefilter('ignore'); from subopt.compiling import *\n"
        "before, scope = is_kept(), {}; exec('def f(x): return x', scope)\n"
        "njit(scope['f'])(1.0); assert is_kept() is before"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_newcomers_run_what_ci_runs():
    # Hypothesis chooses another profile where the variable CI is set
    code = "import conftest, hypothesis; print(hypothesis.settings.default)"
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "HYPOTHESIS_PROFILE")}
    env["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    chosen = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=e
        ).stdout
        for e in (env, env | {"CI": "true"})
    }
    assert len(chosen) == 1
    assert "derandomize=True" in chosen.pop()
