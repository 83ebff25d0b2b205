"""Arrays of other libraries are read as what they hold."""

import pathlib
import re

import numpy as np
import pytest

from subopt import (
    LabelingEnergy,
    alpha_expansion,
    grid_cut,
    grid_cut_many,
    max_flow,
    max_flow_many,
    segment,
)
from subopt._base.interchange import to_numpy


class Exported:
    """An array of which nothing is known but DLPack."""

    def __init__(self, array):
        self._array = np.array(array)  # read-only ones are not exported by all versions

    def __dlpack__(self, **options):
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()


class DynamicJaxprTracer(Exported):
    """What jax.jit passes to functions while it traces them."""


class OnAnotherDevice(Exported):
    def __dlpack__(self, **options):
        raise BufferError("not on this device")


def torch_tensor(array):
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(array)
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def jax_array(array):
    return pytest.importorskip("jax.numpy").asarray(array)  # floats of 32 bits


def labeled(array):
    return pytest.importorskip("xarray").DataArray(array)


def in_chunks(array):
    return pytest.importorskip("dask.array").from_array(np.asarray(array), chunks=2)


KINDS = {
    "dlpack": Exported,
    "torch": torch_tensor,
    "jax": jax_array,
    "xarray": labeled,
    "dask": in_chunks,
}
RNG = np.random.default_rng(0)
SOURCE, SINK = RNG.random((2, 6, 4, 5))
WEIGHTS = RNG.random((2, 4, 5))
UNARY = RNG.random((4, 5, 3))
TAILS, HEADS = np.arange(4), np.arange(1, 5)
IMAGE = np.add.outer(np.arange(8.0), np.zeros(9)) + RNG.random((8, 9))
SEEDS = np.zeros((8, 9), dtype=int)
SEEDS[0, 0], SEEDS[-1, -1] = 1, 2

CALLS = {
    "grid_cut": lambda a: grid_cut(a(SOURCE[0]), a(SINK[0]), a(WEIGHTS[0, 0, 0])).source_side,
    "grid_cut, weights": lambda a: (
        grid_cut(a(SOURCE[0]), a(SINK[0]), [a(WEIGHTS[0, 1:]), a(WEIGHTS[1, :, 1:])]).source_side
    ),
    "grid_cut_many": lambda a: grid_cut_many(a(SOURCE), a(SINK), 0.2).source_sides,
    "max_flow": lambda a: (
        max_flow(
            a(TAILS),
            a(HEADS),
            a(WEIGHTS[0, 0, :4]),
            source_capacity=a(SOURCE[0, 0]),
            sink_capacity=a(SINK[0, 0]),
        ).source_side
    ),
    "max_flow_many": lambda a: (
        max_flow_many(
            a(TAILS),
            a(HEADS),
            a(WEIGHTS[0, 0, :4]),
            source_capacity=a(SOURCE[0]),
            sink_capacity=a(SINK[0]),
        ).source_sides
    ),
    "labeling": lambda a: (
        alpha_expansion(LabelingEnergy(a(UNARY), weights=0.2, metric=a(1.0 - np.eye(3)))).labels
    ),
    "energy": lambda a: LabelingEnergy(a(UNARY)).value(a(np.argmin(UNARY, axis=-1))),
    "segment": lambda a: segment(a(IMAGE), a(SEEDS)).labels,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_for_numpy(call, kind):
    answer = CALLS[call](KINDS[kind])
    expected = CALLS[call](lambda array: to_numpy(KINDS[kind](array)))
    assert type(answer) is type(expected)
    np.testing.assert_array_equal(answer, expected)


def test_half_precision():
    torch = pytest.importorskip("torch")
    exact = torch.arange(20.0).reshape(4, 5)
    for dtype in (torch.bfloat16, torch.float16):
        assert grid_cut(exact.to(dtype), 9 - exact.clamp(max=9).to(dtype), 2).value == (
            grid_cut(exact, 9 - exact.clamp(max=9), 2).value
        )


def test_arrays_that_cannot_be_read_are_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"traced, by jax.jit .* jax.pure_callback"):
        grid_cut(DynamicJaxprTracer(SOURCE[0]), SINK[0], 1)
    with pytest.raises(TypeError, match=r"OnAnotherDevice .* Move it to the CPU"):
        grid_cut(OnAnotherDevice(SOURCE[0]), SINK[0], 1)
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="Move it to the CPU"):
        grid_cut(torch.ones(4, 5, device="meta"), SINK[0], 1)


def test_numpy_arrays_are_not_copied():
    assert to_numpy(SOURCE) is SOURCE
    shared = Exported(SOURCE)
    assert np.shares_memory(to_numpy(shared), shared._array)


def test_the_loss_of_the_documentation_has_gradients():
    torch = pytest.importorskip("torch")
    page = (pathlib.Path(__file__).parents[1] / "docs" / "grid_cuts.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(import torch\n.*?)```", page, re.DOTALL)
    names = {}
    exec(code, names)
    unary = torch.tensor(RNG.normal(size=(3, 6, 7)), requires_grad=True)
    truth = torch.tensor(RNG.random((3, 6, 7)) < 0.5)
    loss = names["structured_loss"](unary, 0.5, truth)
    assert loss >= 0  # the truth itself is among what the cut chooses from
    loss.backward()
    assert unary.grad.abs().sum() > 0
