"""`comixup mix` on several processes and on a cluster: the files are those of one process."""

import contextlib
import gc
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading

import pytest
from mixed_folders import contents, eleven, mix, picture

from comixup.cli import workers

QUICK = ("--effort", "fast", "--levels", 1)


@pytest.fixture
def photos(tmp_path):
    source = eleven(tmp_path / "photos")
    (source / "a" / "00.png").write_bytes(b"not an image")  # one is skipped: later names move up
    return source


def settled(files):
    """All files of an output; what says where the input was aside."""
    return {name: data for name, data in files.items() if name != "comixup.json"}


class Inline:
    """An executor that works at once and stops taking work after some chunks."""

    def __init__(self, chunks):
        self.left = chunks

    def submit(self, function, *arguments):
        from concurrent.futures import Future
        from concurrent.futures.process import BrokenProcessPool

        if self.left == 0:
            raise BrokenProcessPool("gone")
        self.left -= 1
        future = Future()
        future.set_result(function(*arguments))
        return future


@pytest.mark.filterwarnings("ignore")  # of processes that start others
def test_processes_go_on_where_workers_were_lost(photos, tmp_path, monkeypatch, capsys):
    assert mix(photos, tmp_path / "one", *QUICK, "--threads", 1) == 0

    capsys.readouterr()

    def of(executor):
        @contextlib.contextmanager
        def opened(jobs, address):
            try:
                yield executor
            except RuntimeError as error:
                raise workers.WorkersLost(str(error)) from error

        return opened

    out = tmp_path / "two"
    with monkeypatch.context() as patch:
        patch.setattr(workers, "of", of(Inline(2)))
        patch.setattr("subopt._base.executors.AHEAD", 1)
        patch.setattr("subopt._base.executors._worker_count", lambda executor: 1)
        assert mix(photos, out, *QUICK, "--jobs", 2) == 1
    assert "takes no more work" in (error := capsys.readouterr().err)
    assert "00.png" in error  # what a worker says of a file
    assert len(list((out / ".partial" / "groups").iterdir())) == 2
    (out / ".partial" / "images" / "group-000002-0.png").write_bytes(b"half")
    assert mix(photos, out, *QUICK, "--jobs", 1) == 0  # continues, on a process
    assert settled(contents(out)) == settled(contents(tmp_path / "one"))


ORPHANS = """
import time
from comixup.cli import workers
if __name__ == "__main__":
    with workers.of(2, None) as executor:
        print(*executor.map(abs, [-1, -2, -3, -4]), flush=True)
        time.sleep(600)
"""


def test_workers_end_with_the_process_that_was_killed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ORPHANS, encoding="utf-8")
    root = pathlib.Path(__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert process.stdout.readline().split() == [b"1", b"2", b"3", b"4"]
    process.kill()
    # workers have the same pipe: it ends when all of them are gone
    assert process.communicate(timeout=60) == (b"", None)


@pytest.mark.skipif(os.name == "nt", reason="masks of signals")
def test_workers_never_get_the_interrupt_of_their_process():
    """Ctrl-C goes to all processes: workers that load modules would end with a traceback."""
    with workers.of(1, None) as executor:
        held = executor.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    assert signal.SIGINT in held
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_one_of_the_two_is_chosen(photos, tmp_path, capsys):
    with pytest.raises(SystemExit):
        mix(photos, tmp_path / "out", "--jobs", 2, "--dask", "tcp://127.0.0.1:1")
    assert "not allowed with" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["", "nowhere", "host:port", "http://127.0.0.1:1"])
def test_what_is_no_address_of_a_scheduler_is_said(address, photos, tmp_path, capsys):
    distributed = pytest.importorskip("distributed")
    gc.collect()
    gc.disable()
    try:
        assert mix(photos, tmp_path / "out", "--dask", address) == 2
        # it could be collected while the next client starts, and wait for that one for ever
        assert not any(type(left) is distributed.Client for left in gc.get_objects())
    finally:
        gc.enable()
    assert "--dask needs the address of a scheduler, such as tcp" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_writes_the_same_files_when_a_worker_is_killed(tmp_path, capsys):
    distributed = pytest.importorskip("distributed", reason="part of the extra `distributed`")
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("processes are killed by a signal")
    source = tmp_path / "photos"
    for i in range(32):
        path = source / "ab"[i % 2] / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i).save(path)
    assert mix(source, tmp_path / "one", *QUICK, "--threads", 1) == 0
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        pids = list(client.run(os.getpid).values())
        finished = tmp_path / "two" / ".partial" / "groups"
        done = threading.Event()

        def kill_in_the_middle():
            while not done.wait(0.01):
                if finished.is_dir() and any(finished.iterdir()):
                    os.kill(pids[0], signal.SIGKILL)
                    return

        killer = threading.Thread(target=kill_in_the_middle)
        killer.start()
        try:
            assert mix(source, tmp_path / "two", *QUICK, "--dask", cluster.scheduler_address) == 0
        finally:
            done.set()
            killer.join()
    assert settled(contents(tmp_path / "two")) == settled(contents(tmp_path / "one"))
    one, two = (json.loads((tmp_path / o / "comixup.json").read_bytes()) for o in ("one", "two"))
    assert one == two
