"""What happens while numba compiles."""

import gc
import types

import pytest
from numba.core import event

from subopt._base.compiler import pause_collector


def kernel(module):
    function = types.FunctionType((lambda: None).__code__, {"__name__": module})
    return {"dispatcher": types.SimpleNamespace(py_func=function)}


@pytest.fixture(params=[True, False], ids=["collecting", "not collecting"])
def collecting(request):
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_the_collector_rests_while_kernels_of_this_distribution_are_compiled(collecting):
    pause_collector()
    with event.trigger_event("numba:compile", kernel("subopt.labeling._exact")):
        assert not gc.isenabled()
        with event.trigger_event("numba:compile", kernel("numba.cpython.builtins")):
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled() == collecting


def test_the_collector_works_again_after_a_kernel_that_does_not_compile(collecting):
    pause_collector()
    with (
        pytest.raises(KeyboardInterrupt),
        event.trigger_event("numba:compile", kernel("comixup.plans.gather")),
        event.trigger_event("numba:compile", kernel("subopt._base.jit")),
    ):
        raise KeyboardInterrupt
    assert gc.isenabled() == collecting


def test_the_collector_works_while_kernels_of_others_are_compiled(collecting):
    pause_collector()
    with event.trigger_event("numba:compile", kernel("somebody.elses")):
        assert gc.isenabled() == collecting
        with event.trigger_event("numba:compile", kernel("subopt._base.jit")):
            assert not gc.isenabled()
        assert gc.isenabled() == collecting
    assert gc.isenabled() == collecting


def test_the_first_kernel_may_be_compiled_for_one_of_others(collecting):
    event.unregister("numba:compile", pause_collector())
    pause_collector.cache_clear()
    with event.trigger_event("numba:compile", kernel("somebody.elses")):
        pause_collector()
        with event.trigger_event("numba:compile", kernel("subopt._base.jit")):
            assert not gc.isenabled()
        assert gc.isenabled() == collecting
    for _ in range(2):
        with event.trigger_event("numba:compile", kernel("subopt._base.jit")):
            with event.trigger_event("numba:compile", kernel("subopt._base.jit")):
                pass
            assert not gc.isenabled()
        assert gc.isenabled() == collecting
