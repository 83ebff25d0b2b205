"""`executor=`: answers are those without it, whatever happens to the workers."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import subopt
from subopt._base.executors import ATTEMPTS, dumps, in_chunks


class Inline:
    """An executor that works at once; `lose` says which submissions lose their worker."""

    def __init__(self, lose=lambda k: False):
        self.lose, self.submitted, self.futures = lose, 0, []

    def submit(self, function, *arguments):
        future = Future()
        self.futures.append(future)
        self.submitted += 1
        if self.lose(self.submitted):
            future.set_exception(CancelledError())
        else:
            try:
                future.set_result(function(*arguments))
            except ValueError as error:
                future.set_exception(error)
        return future


def squares(shared, chunk):
    return [shared + k * k for k in chunk]


def cut(begin, end):
    return list(range(begin, end))


@given(count=st.integers(0, 300), unit=st.integers(1, 9), lost=st.sets(st.integers(1, 40)))
def test_chunks_cover_the_items_in_order(count, unit, lost):
    executor = Inline(lambda k: k in lost and k - 1 not in lost)
    spans = []

    def noted(begin, end):
        spans.append((begin, end))
        return cut(begin, end)

    chunks = list(in_chunks(executor, squares, count, noted, shared=7, unit=unit))
    assert [x for chunk in chunks for x in chunk] == [7 + k * k for k in range(count)]
    assert all(begin % unit == 0 for begin, _ in spans)


def test_what_is_lost_again_and_again_is_an_error():
    executor = Inline(lambda k: True)
    with pytest.raises(RuntimeError, match=rf"lost {ATTEMPTS} times on the chunk of items 0 to 0"):
        list(in_chunks(executor, squares, 1, cut, shared=0))
    assert executor.submitted == ATTEMPTS


def test_errors_of_the_work_end_it():
    def wrong(shared, chunk):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_chunks(Inline(), wrong, 5, cut))


def test_ctrl_c_cancels_what_waits():
    class Waiting(Inline):
        def submit(self, function, *arguments):
            if self.submitted == 3:
                raise KeyboardInterrupt
            self.submitted += 1
            self.futures.append(Future())
            return self.futures[-1]

    executor = Waiting()
    with pytest.raises(KeyboardInterrupt):
        list(in_chunks(executor, squares, 100, cut))
    assert [future.cancelled() for future in executor.futures] == [True] * 3


def test_a_caller_that_stops_cancels_what_waits():
    class Slow(Inline):
        def submit(self, function, *arguments):
            if self.submitted == 0:
                return super().submit(function, *arguments)
            self.submitted += 1
            self.futures.append(Future())
            return self.futures[-1]

    executor = Slow()
    chunks = in_chunks(executor, squares, 100, cut, shared=0)
    assert next(chunks) == [0]
    chunks.close()
    assert all(future.cancelled() for future in executor.futures[1:])
    assert len(executor.futures) > 1


def test_read_only_arrays_stay_so():
    array = np.arange(3)
    array.setflags(write=False)
    import pickle

    one, two, three = pickle.loads(dumps((array, array, np.arange(3))))
    assert one is two
    assert not one.flags.writeable
    assert three.flags.writeable
    np.testing.assert_array_equal(one, array)


def flows(**how):
    rng = np.random.default_rng(0)
    source, sink = rng.integers(0, 9, (2, 60, 5))
    graph = [0, 1, 2, 3, 4], [1, 2, 3, 4, 0], rng.integers(0, 9, 5), rng.integers(0, 9, (60, 5))
    return subopt.max_flow_many(*graph, source_capacity=source, sink_capacity=sink, **how)


def grids(**how):
    source, sink = np.random.default_rng(1).integers(0, 9, (2, 300, 4, 5))
    return subopt.grid_cut_many(source, sink, 1, flow=True, **how)


def labelings(**how):
    energy = subopt.LabelingEnergy(np.zeros((3, 4, 3)), weights=0.2)
    return subopt.alpha_expansion_many(
        energy, np.random.default_rng(2).random((20, 3, 4, 3)), **how
    )


def with_label_costs(**how):
    energy = subopt.LabelingEnergy(np.zeros((2, 3, 3)), weights=0.2, label_costs=[0.1, 0.2, 0.3])
    return subopt.alpha_expansion_many(energy, np.random.default_rng(3).random((5, 2, 3, 3)), **how)


def swaps(**how):
    energy = subopt.LabelingEnergy(np.zeros((3, 3, 3)), weights=0.2)
    return subopt.alpha_beta_swap_many(energy, np.random.default_rng(4).random((9, 3, 3, 3)), **how)


def problems(**how):
    rng = np.random.default_rng(5)
    mixed = [subopt.CoupledLabelingProblem(-rng.random((3, 2, 2))) for _ in range(2)]
    mixed += [subopt.Cut.from_edges([(0, 1), (1, 2)]) + subopt.Modular(rng.normal(size=3))]
    return subopt.minimize_many(mixed, rng=6, **how)


DOORS = [flows, grids, labelings, with_label_costs, swaps, problems]


def parts(answer):
    """All arrays and numbers of an answer, with their types and whether they can be changed."""
    if isinstance(answer, np.ndarray):
        yield answer.dtype.str, answer.shape, answer.tobytes(), answer.flags.writeable
    elif isinstance(answer, list | tuple):
        for item in answer:
            yield from parts(item)
    elif hasattr(answer, "__dict__") and type(answer).__module__.startswith("subopt"):
        for name, value in sorted(vars(answer).items()):
            if name != "_item":  # of a batch
                yield name
                yield from parts(value)
    elif callable(answer):
        return
    else:
        yield repr(answer)


def same(one, two):
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        assert list(parts(a)) == list(parts(b))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_answers_do_not_depend_on_the_executor(door):
    expected = door()
    same(door(executor=Inline()), expected)
    same(door(executor=Inline(lambda k: k in (1, 4, 5))), expected)
    with ThreadPoolExecutor(2) as pool:
        same(door(executor=pool), expected)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("door", [flows, grids, labelings, problems], ids=lambda d: d.__name__)
def test_answers_of_processes(door, processes):
    same(door(executor=processes), door())


def leave(shared, chunk):
    os._exit(1)


def test_a_pool_that_lost_its_workers_says_so():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(os.getpid).result()
        with pytest.raises(RuntimeError, match=r"takes no more work: 0 chunks were done"):
            list(in_chunks(pool, leave, 3, cut))


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_what_is_refused(door):
    with pytest.raises(ValueError, match="threads=2 is about this process"):
        door(executor=Inline(), threads=2)
    with pytest.raises(TypeError, match="executor needs a method submit"):
        door(executor=3)


def test_callbacks_stay_here():
    with pytest.raises(ValueError, match="callback"):
        problems(executor=Inline(), callback=print)


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_of_dask_that_loses_a_worker():
    distributed = pytest.importorskip("distributed", reason="part of the extra `distributed`")
    if not hasattr(signal, "SIGKILL"):
        pytest.skip("processes are killed by a signal")

    def slowly(mask):
        time.sleep(0.001)
        return float(mask.any()) - 0.4 * mask.sum()

    many = [subopt.Function(5, slowly) for _ in range(60)]
    expected = subopt.minimize_many(many)
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
    )
    with cluster, distributed.Client(cluster) as client:
        pids = client.run(os.getpid)
        victim = threading.Timer(0.5, os.kill, (next(iter(pids.values())), signal.SIGKILL))
        victim.start()
        begin = time.monotonic()
        answers = subopt.minimize_many(many, executor=client)
        assert time.monotonic() - begin > 0.5  # it was killed in the middle
        same([a.value for a in answers], [a.value for a in expected])
        assert [a.S.tolist() for a in answers] == [a.S.tolist() for a in expected]
        assert set(client.run(os.getpid).values()) != set(pids.values())
        same(flows(executor=client), flows())
