"""Arrays of other libraries are read as what they hold."""

import pathlib
import re

import numpy as np
import pytest

from subopt import (
    Cut,
    FacilityLocation,
    LabelingEnergy,
    Modular,
    alpha_beta_swap,
    alpha_beta_swap_many,
    alpha_expansion,
    alpha_expansion_many,
    gomory_hu_tree,
    grid_cut,
    grid_cut_many,
    icm,
    ishikawa,
    max_flow,
    max_flow_many,
    minimize,
    minimize_many,
    multiway_cut,
    qpbo,
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
    """An array on a device, as of cupy: it has a shape, and refuses to be an array of numpy."""

    def __getattr__(self, name):
        if name in ("dtype", "shape", "ndim", "size"):
            return getattr(self._array, name)
        raise AttributeError(name)

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed")

    def __dlpack__(self, **options):
        raise BufferError("not on this device")

    def __dlpack_device__(self):
        return 2, 0


def torch_tensor(array):
    return pytest.importorskip("torch").tensor(array)


def with_gradient(array):
    tensor = torch_tensor(array)
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def within_a_graph(array):
    tensor = with_gradient(array)
    return tensor * 1 if tensor.is_floating_point() else tensor


def half(array):
    tensor = torch_tensor(array)
    return tensor.half() if tensor.is_floating_point() else tensor


def brain_half(array):
    tensor = with_gradient(array)
    return tensor.bfloat16() if tensor.is_floating_point() else tensor


def in_another_order(array):
    tensor = torch_tensor(array)
    return pytest.importorskip("torch").stack([tensor, tensor], -1)[..., 0]


def read_only(array):
    return torch_tensor(array).expand(np.shape(array))


def list_of_tensors(array):
    return list(with_gradient(array))


def list_of_halves(array):
    return list(brain_half(array))


def jax_array(array):
    return pytest.importorskip("jax.numpy").asarray(array)  # floats of 32 bits


def jax_brain_half(array):
    found = jax_array(array)
    return found.astype("bfloat16") if found.dtype.kind == "f" else found


def list_of_jax(array):
    return list(jax_brain_half(array))


def labeled(array):
    return pytest.importorskip("xarray").DataArray(array)


def in_chunks(array):
    return pytest.importorskip("dask.array").from_array(np.asarray(array), chunks=2)


def labeled_chunks(array):
    return labeled(in_chunks(array))


def fixed_numpy(array):
    copy = np.array(array)
    copy.setflags(write=False)
    return copy


KINDS = {
    "dlpack": Exported,
    "torch": torch_tensor,
    "torch, gradient": with_gradient,
    "torch, in a graph": within_a_graph,
    "torch, float16": half,
    "torch, bfloat16": brain_half,
    "torch, not contiguous": in_another_order,
    "torch, expanded": read_only,
    "torch, list": list_of_tensors,
    "torch, list of bfloat16": list_of_halves,
    "jax": jax_array,
    "jax, bfloat16": jax_brain_half,
    "jax, list": list_of_jax,
    "xarray": labeled,
    "dask": in_chunks,
    "xarray of dask": labeled_chunks,
    "numpy, read-only": fixed_numpy,
    "numpy, other bytes": lambda array: np.asarray(array).astype(
        np.asarray(array).dtype.newbyteorder(">")
    ),
}


def plain(given):
    """An array of numpy with the numbers that are given."""
    if isinstance(given, list):
        return np.array([plain(part) for part in given])
    if hasattr(given, "detach"):
        return given.detach().double().numpy() if given.is_floating_point() else given.numpy()
    if isinstance(given, Exported):
        return given._array
    array = np.asarray(given)
    return array.astype(np.float64) if array.dtype.name == "bfloat16" else array


RNG = np.random.default_rng(0)
SOURCE, SINK = RNG.random((2, 6, 4, 5))
WEIGHTS = RNG.random((2, 4, 5))
UNARY = RNG.random((4, 5, 3))
BATCH = RNG.random((3, 4, 5, 3))
TAILS, HEADS = np.arange(4), np.arange(1, 5)
IMAGE = np.add.outer(np.arange(8.0), np.zeros(9)) + RNG.random((8, 9))
SEEDS = np.zeros((8, 9), dtype=int)
SEEDS[0, 0], SEEDS[-1, -1] = 1, 2

ZERO = LabelingEnergy(np.zeros((4, 5, 3)), weights=0.2)
PAIRS = np.stack([TAILS, HEADS], 1)
DENSE = np.abs(np.subtract.outer(np.arange(5.0), np.arange(5.0)))
LABELS = SEEDS[:4, :5]

# The doors: each has all its arrays from one library, batches as a first axis.
CALLS = {
    "grid_cut": lambda a: grid_cut(a(SOURCE[0]), a(SINK[0]), 0.3).source_side,
    "grid_cut, weights": lambda a: (
        grid_cut(a(SOURCE[0]), a(SINK[0]), [a(WEIGHTS[0, 1:]), a(WEIGHTS[1, :, 1:])]).source_side
    ),
    "grid_cut, weights per direction": lambda a: (
        grid_cut(
            a(SOURCE[0]), a(SINK[0]), [(a(WEIGHTS[0, 1:]), a(WEIGHTS[1, 1:])), (0.2, 0.1)]
        ).source_side
    ),
    "grid_cut_many": lambda a: grid_cut_many(a(SOURCE), a(SINK), 0.2).source_sides,
    "grid_cut_many, weights": lambda a: (
        grid_cut_many(a(SOURCE), a(SINK), [a(SOURCE[:, 1:]), a(SINK[:, :, 1:])]).source_sides
    ),
    "grid_cut_many, check": lambda a: grid_cut_many(a(SOURCE), a(SINK), 0.2, flow=True).check(
        a(SOURCE), a(SINK), 0.2
    ),
    "max_flow": lambda a: (
        max_flow(
            a(TAILS),
            a(HEADS),
            a(WEIGHTS[0, 0, :4]),
            a(WEIGHTS[0, 1, :4]),
            source_capacity=a(SOURCE[0, 0]),
            sink_capacity=a(SINK[0, 0]),
        ).source_side
    ),
    "max_flow_many": lambda a: (
        max_flow_many(
            a(TAILS),
            a(HEADS),
            a(WEIGHTS[0, :, :4]),
            source_capacity=a(SOURCE[0]),
            sink_capacity=a(SINK[0]),
        ).source_sides
    ),
    "gomory_hu_tree": lambda a: gomory_hu_tree(a(TAILS), a(HEADS), a(WEIGHTS[0, 0, :4])).parents,
    "multiway_cut": lambda a: (
        multiway_cut(a(TAILS), a(HEADS), a(WEIGHTS[0, 0, :4]), terminals=a(TAILS[::3])).labels
    ),
    "labeling": lambda a: (
        alpha_expansion(LabelingEnergy(a(UNARY), weights=0.2, metric=a(1.0 - np.eye(3)))).labels
    ),
    "labeling, weights": lambda a: (
        alpha_expansion(
            LabelingEnergy(a(UNARY), weights=[a(WEIGHTS[0, 1:]), a(WEIGHTS[1, :, 1:])])
        ).labels
    ),
    "labeling, edges": lambda a: (
        alpha_expansion(
            LabelingEnergy(a(UNARY[0]), edges=a(PAIRS), weights=a(WEIGHTS[0, 0, :4]))
        ).labels
    ),
    "labeling, tables": lambda a: (
        alpha_expansion(
            LabelingEnergy(a(UNARY[0]), edges=a(PAIRS), tables=a(np.stack([1 - np.eye(3)] * 4)))
        ).labels
    ),
    "labeling, options": lambda a: (
        alpha_expansion(
            LabelingEnergy(
                a(UNARY), weights=0.2, label_costs=a(np.full(3, 0.5)), fixed=a(LABELS - 1)
            )
        ).labels
    ),
    "labeling, mask and start": lambda a: (
        alpha_expansion(
            LabelingEnergy(a(UNARY), weights=0.2, mask=a(LABELS == 0)), start=a(LABELS)
        ).labels
    ),
    "labeling, from a graph": lambda a: (
        alpha_expansion(LabelingEnergy.from_graph(a(UNARY[0]), a(DENSE))).labels
    ),
    "energy": lambda a: LabelingEnergy(a(UNARY)).value(a(np.argmin(UNARY, axis=-1))),
    "alpha_expansion_many": lambda a: alpha_expansion_many(ZERO, a(BATCH)).labels,
    "alpha_beta_swap_many": lambda a: alpha_beta_swap_many(ZERO, a(BATCH)).labels,
    "alpha_beta_swap": lambda a: alpha_beta_swap(LabelingEnergy(a(UNARY), weights=0.2)).labels,
    "icm": lambda a: icm(LabelingEnergy(a(UNARY), weights=0.2)).labels,
    "qpbo": lambda a: qpbo(LabelingEnergy(a(UNARY[..., :2]), weights=0.2)).labels,
    "ishikawa": lambda a: ishikawa(LabelingEnergy(a(UNARY), weights=0.2, metric="linear")).labels,
    "minimize": lambda a: minimize(LabelingEnergy(a(UNARY), weights=0.2)).labels,
    "minimize_many": lambda a: (
        minimize_many([LabelingEnergy(a(unary), weights=0.2) for unary in BATCH[:2]])[1].labels
    ),
    "set functions": lambda a: (
        minimize(Cut(a(DENSE)) + Modular(a(UNARY[0, :, 0] - 2)) + FacilityLocation(a(DENSE))).mask
    ),
    "segment": lambda a: segment(a(IMAGE), a(SEEDS)).labels,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("call", CALLS)
def test_answers_are_those_for_numpy(call, kind):
    answer = CALLS[call](KINDS[kind])
    expected = CALLS[call](lambda array: plain(KINDS[kind](array)))
    assert type(answer) is type(expected)
    np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize("call", CALLS)
def test_arrays_on_a_device_are_refused_with_what_to_do(call):
    with pytest.raises(TypeError, match=r"OnAnotherDevice .* Move it to the CPU"):
        CALLS[call](OnAnotherDevice)


@pytest.mark.parametrize("call", ["grid_cut_many", "labeling", "alpha_expansion_many"])
def test_lists_of_arrays_on_a_device_are_refused_with_what_to_do(call):
    with pytest.raises(TypeError, match=r"OnAnotherDevice .* Move it to the CPU"):
        CALLS[call](lambda array: [OnAnotherDevice(part) for part in array])


@pytest.mark.parametrize("kind", ["torch", "jax"])
def test_answers_become_arrays_of_the_library(kind):
    answers = (
        grid_cut_many(SOURCE, SINK, 0.2).source_sides,
        CALLS["max_flow"](np.asarray),
        alpha_expansion_many(ZERO, BATCH).labels,
    )
    for answer in answers:
        np.testing.assert_array_equal(np.asarray(KINDS[kind](answer)), answer)


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
