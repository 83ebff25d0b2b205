"""Arrays of other libraries go in and come back in kind; boxes go through any plan."""

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

from comixup import BlendPlan, BoxPlan, CoMixup, CutMix, InputMixup, MixPlan, PuzzleMix

MIXERS = {
    "co": CoMixup(group_size=3, grid=2, effort="fast", num_classes=4),
    "puzzle": PuzzleMix(grids=(2,), alpha=4.0, num_classes=4),
    "input": InputMixup(num_classes=4),
    "cut": CutMix(num_classes=4),
}


class OnDevice:
    """An array of a library like cupy: on a device, and not to be had by `np.asarray`."""

    def __init__(self, values, device="gpu:0"):
        self._values, self.device = np.array(values), device

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)

    def __array_namespace__(self):
        return OnDevice

    @staticmethod
    def asarray(values, device=None):
        return OnDevice(values, device)

    def __getitem__(self, index):
        return OnDevice(self._values[index._values], self.device)

    def __dlpack_device__(self):
        return (2, 0)  # CUDA

    def __dlpack__(self, *, dl_device=None, copy=None, stream=None, max_version=None):
        if dl_device != (1, 0):
            raise BufferError("ask for a copy on the CPU")
        return self._values.__dlpack__()


def torch_tensors():
    torch = pytest.importorskip("torch")
    return torch.from_numpy, lambda t: t.numpy(), torch.Tensor


def jax_arrays():
    jax = pytest.importorskip("jax")
    return jax.numpy.asarray, np.asarray, jax.Array


def strict_arrays():
    xp = pytest.importorskip("array_api_strict")
    return xp.asarray, lambda a: np.from_dlpack(a), type(xp.asarray(0))


def arrays_on_device():
    if np.lib.NumpyVersion(np.__version__) < "2.1.0":
        pytest.skip("numpy reads arrays of other devices since version 2.1")
    return OnDevice, lambda a: a._values, OnDevice


LIBRARIES = {
    "torch": torch_tensors,
    "jax": jax_arrays,
    "array_api_strict": strict_arrays,
    "like cupy": arrays_on_device,
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_arrays_come_back_in_kind(library, name, dtype):
    make, read, kind = LIBRARIES[library]()
    rng = np.random.default_rng(0)
    images = (rng.random((6, 3, 8, 8)) * 255).astype(dtype)
    saliency = rng.random((6, 8, 8)).astype(np.float32)
    labels = (np.arange(6) % 4).astype(np.int32)
    expected = MIXERS[name](images, labels, saliency, rng=1)
    found = MIXERS[name](make(images), make(labels), make(saliency), rng=1)
    assert isinstance(found.images, kind)
    assert isinstance(found.labels, kind)
    np.testing.assert_array_equal(read(found.images), expected.images)
    np.testing.assert_array_equal(read(found.labels), expected.labels)
    masks = rng.integers(0, 9, (6, 8, 8)).astype(np.int32)
    carried = found.plan.apply(make(masks), blend="first")
    assert isinstance(carried, kind)
    np.testing.assert_array_equal(read(carried), expected.plan.apply(masks, blend="first"))
    one_hot = make(np.eye(4, dtype=np.float32)[labels])
    assert isinstance(found.plan.apply_labels(one_hot), kind)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_losses_are_interpolated_in_kind(library):
    make, read, kind = LIBRARIES[library]()
    rng = np.random.default_rng(0)
    images, labels = rng.random((6, 1, 8, 8)), (np.arange(6) % 4).astype(np.int32)
    plan = MIXERS["co"](images, labels, rng=1).plan
    table = rng.random(4).astype(np.float32)
    losses = plan.interpolate_loss(lambda y: make(table)[y], make(labels))
    assert isinstance(losses, kind)
    expected = plan.interpolate_loss(lambda y: table[y], labels)
    np.testing.assert_allclose(read(losses), expected, rtol=1e-6)


def test_gradients_pass_through_interpolated_losses():
    torch = pytest.importorskip("torch")
    labels, logits = torch.tensor([0, 1, 2]), torch.zeros(3, 3, requires_grad=True)
    plan = BlendPlan([1, 2, 0], [0.75] * 3, ())
    loss = torch.nn.functional.cross_entropy
    plan.interpolate_loss(lambda y: loss(logits, y, reduction="none"), labels).sum().backward()
    expected = 1 / 3 - plan.apply_labels(np.eye(3))
    np.testing.assert_allclose(logits.grad.numpy(), expected, rtol=1e-6)


def test_tensors_that_require_gradients_are_read():
    torch = pytest.importorskip("torch")
    images = torch.rand(4, 1, 8, 8, requires_grad=True)
    assert isinstance(InputMixup()(images, rng=0).images, torch.Tensor)


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_bfloat16_comes_back_as_it_came(library):
    pytest.importorskip(library)
    numbers = np.arange(4 * 3 * 8 * 8).reshape(4, 3, 8, 8) % 200
    if library == "torch":
        import torch

        make, read = (lambda a: torch.tensor(a).bfloat16()), (lambda t: t.float().numpy())
    else:
        import jax.numpy as jnp

        make, read = (lambda a: jnp.asarray(a, jnp.bfloat16)), (lambda a: np.asarray(a, np.float32))
    exact = numbers.astype(np.float32)  # up to 8 bits: bfloat16 holds them
    labels = np.eye(4, dtype=np.float32)
    expected = CutMix(seed=0)(exact, labels, step=0)
    found = CutMix(seed=0)(make(exact), make(labels), step=0)
    assert found.images.dtype == make(exact).dtype
    assert found.labels.dtype == make(labels).dtype
    np.testing.assert_array_equal(read(found.images), expected.images)
    np.testing.assert_allclose(read(found.labels), expected.labels, rtol=2.0**-7)


def test_dtypes_that_numpy_lacks_are_refused_with_a_way_out():
    torch = pytest.importorskip("torch")
    images = torch.zeros(4, 1, 8, 8, dtype=torch.float8_e5m2)
    with pytest.raises(TypeError, match=r"Move it to the CPU and to a dtype that numpy has"):
        InputMixup()(images, rng=0)


# boxes


def brute_force(plan, boxes, min_visible):
    """Paint every box on a fine grid of its own and look at what comes out."""
    height, width = plan.spatial
    found = []
    for j in range(len(plan)):
        rows = []
        for i in range(len(plan)):
            for r, (x0, y0, x1, y1) in enumerate(boxes[i]):
                painted = np.zeros((len(plan), height, width))
                painted[i, y0:y1, x0:x1] = 1
                out = plan.apply(painted)[j]
                part = out.sum() / ((x1 - x0) * (y1 - y0))
                if part > 0 and part >= min_visible:
                    ys, xs = np.nonzero(out)
                    box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
                    rows.append((box, i, r, part))
        found.append(rows)
    return found


@given(rng=numbers(), kind=st.sampled_from(["patches", "box", "blend"]))
def test_boxes_are_what_is_left_of_them(rng, kind):
    n, spatial = 4, (7, 9)
    if kind == "patches":
        sources = np.sort(rng.integers(0, n, (n, 2, 3, 2)), axis=-1)
        plan = MixPlan.from_sources(sources, spatial=spatial)
    elif kind == "box":
        ends = np.sort(rng.integers(0, [[8], [10]], (n, 2, 2)), axis=2)
        plan = BoxPlan.from_boxes(rng.permutation(n), ends, spatial=spatial)
    else:
        plan = BlendPlan(rng.permutation(n), rng.random(n), spatial)
    boxes = [
        [
            (int(x), int(y), int(rng.integers(x + 1, 10)), int(rng.integers(y + 1, 8)))
            for x, y in rng.integers(0, (9, 7), (int(rng.integers(0, 3)), 2))
        ]
        for _ in range(n)
    ]
    mixed = plan.apply_boxes(boxes, min_visible=0.2)
    for out, rows in zip(mixed, brute_force(plan, boxes, 0.2), strict=True):
        assert len(out.boxes) == len(rows)
        for (box, i, r, part), b, s, row, v in zip(rows, *out, strict=True):
            assert b.tolist() == box
            assert (s, row) == (i, r)
            assert v == pytest.approx(part)


def test_boxes_may_cut_pixels():
    plan = MixPlan.identity(1, (4, 4))
    out = plan.apply_boxes([[[0.5, 0.25, 2.5, 3.75]]])[0]
    np.testing.assert_allclose(out.boxes, [[0.5, 0.25, 2.5, 3.75]])
    np.testing.assert_allclose(out.visible, 1)
    half = BoxPlan.from_boxes([1, 0], [[[0, 4], [2, 4]]] * 2, spatial=(4, 4))
    out = half.apply_boxes([[[0.5, 0.25, 2.5, 3.75]], []])[0]
    np.testing.assert_allclose(out.boxes, [[0.5, 0.25, 2, 3.75]])
    np.testing.assert_allclose(out.visible, 0.75)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([[]], "2 inputs"),
        ([[[0, 0, 9, 1]], []], "row 0"),
        ([[], [[0, 0, 1, 1], [1, 1, 1, 2]]], r"boxes\[1\].*row 1"),
        ([[[0, 0, 1]], []], r"boxes\[0\]"),
        ([[], 3], r"boxes\[1\].* got the shape \(\)"),
    ],
)
def test_bad_boxes_are_refused(boxes, message):
    with pytest.raises(ValueError, match=message):
        MixPlan.identity(2, (4, 4)).apply_boxes(boxes)
    with pytest.raises(ValueError, match="min_visible"):
        MixPlan.identity(2, (4, 4)).apply_boxes([[], []], min_visible=2)
    with pytest.raises(ValueError, match="2 spatial"):
        MixPlan.identity(2, (4,)).apply_boxes([[], []])


def test_arrays_that_are_traced_are_told_the_way_out():
    jax = pytest.importorskip("jax")
    images = np.ones((4, 3, 8, 8), np.float32)
    mix = InputMixup(seed=0)
    with pytest.raises(TypeError, match=r"jax\.pure_callback"):
        jax.jit(lambda x: mix(x).images)(images)
    shape = jax.ShapeDtypeStruct(images.shape, images.dtype)
    call = jax.jit(lambda x: jax.pure_callback(lambda y: mix(np.asarray(y)).images, shape, x))
    np.testing.assert_allclose(np.asarray(call(images)), images, rtol=1e-6)
