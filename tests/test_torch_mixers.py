"""Tensors in, tensors out: the same mixtures as on arrays, for any dtype and layout."""

import pickle

import numpy as np
import pytest
from drawn import many, numbers
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import comixup  # noqa: E402
from comixup import MixPlan  # noqa: E402
from comixup.mixers.summary import Needs, summarize  # noqa: E402
from comixup.torch import (  # noqa: E402
    CoMixup,
    CutMix,
    InputMixup,
    MixCollate,
    PlanAhead,
    PuzzleMix,
    RandomChoice,
    TensorMixer,
    apply,
    apply_labels,
    gather,
    mixed_at,
    pooling,
)
from comixup.torch.pooling import pool  # noqa: E402

SEEDS = st.integers(0, 2**32 - 1)
SMALL = {"group_size": 4, "grid": 2, "effort": "fast"}
MIXERS = {
    "co": lambda **options: CoMixup(**SMALL, **options),
    "puzzle": lambda **options: PuzzleMix(grids=(2, 3), alpha=4.0, **options),
    "input": lambda **options: InputMixup(**options),
    "cut": lambda **options: CutMix(mode="elem", **options),
    "choice": lambda **options: RandomChoice(
        [InputMixup(**{k: v for k, v in options.items() if k != "seed"}),
         CutMix(**{k: v for k, v in options.items() if k != "seed"})],
        seed=options.get("seed"),
    ),
}  # fmt: skip
LAYOUTS = {"signal": (17,), "image": (12, 9), "volume": (4, 5, 6)}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
        ],
    ),
]


def batch(rng, n=6, spatial=(12, 9), dtype=torch.float32, device="cpu"):
    images = torch.tensor(many(rng, n, 3, *spatial) * 200).to(dtype)
    return images.to(device), torch.tensor(many(rng, n, *spatial) + 0.125, device=device)


def some_batch(*args):
    return batch(np.random.default_rng(0), *args)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("layout", LAYOUTS)
@given(
    rng=numbers(),
    seed=SEEDS,
    n=st.sampled_from([1, 2, 6]),
    dtype=st.sampled_from([torch.uint8, torch.float16, torch.bfloat16, torch.float64]),
)
def test_mixtures_are_those_of_arrays(device, name, layout, rng, seed, n, dtype):
    images, saliency = batch(rng, n, LAYOUTS[layout], dtype, device)
    if name == "co" and device != "cpu":  # one number per patch, as sums of pixels may round
        saliency = pool(saliency, (2,) * len(LAYOUTS[layout]))
    labels = torch.arange(n, device=device) % 4
    before = images.clone(), saliency.clone(), labels.clone()
    mix = MIXERS[name](num_classes=4, label_smoothing=0.1)
    out, rows = mix(images, labels, saliency, rng=seed, step=3)
    plan = mix.mix(images, labels, saliency, rng=seed, step=3).plan
    assert (out.shape, out.dtype, out.device) == (images.shape, images.dtype, images.device)
    assert (rows.dtype, rows.device) == (torch.float32, images.device)
    # arrays of the same plan; bfloat16 goes by way of float32, where its sums are exact enough
    plain = dtype if dtype != torch.bfloat16 else torch.float32
    expected = torch.from_numpy(plan.apply(images.to(plain).cpu().numpy())).to(dtype)
    assert torch.equal(out.cpu(), expected)
    if dtype != torch.bfloat16:
        mixer = mix.mixer.member(mix.key(seed, 3))
        there = mixer.mix(
            images.cpu().numpy(), labels.cpu().numpy(), saliency.cpu().numpy(), rng=seed, step=3
        )
        np.testing.assert_allclose(rows.cpu().numpy(), there.labels, atol=1e-6)
    for now, then in zip((images, saliency, labels), before, strict=True):
        assert torch.equal(now, then)


@given(rng=numbers(), seed=SEEDS, channels_last=st.booleans())
def test_memory_format_is_kept(rng, seed, channels_last):
    images, saliency = batch(rng)
    if channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    for make in MIXERS.values():
        out, _ = make()(images, None, saliency, rng=seed)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        assert out.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(rng=numbers())
def test_pooling_on_the_device_is_pooling(layout, rng):
    spatial = LAYOUTS[layout]
    grid = tuple(int(rng.integers(1, s + 1)) for s in spatial)
    maps = rng.random((3, *spatial))
    found = pool(torch.from_numpy(maps), grid).numpy()
    np.testing.assert_allclose(found, comixup._base.patch_grid.pool(maps, grid), rtol=1e-12)


def test_what_travels_is_a_few_numbers_a_patch(monkeypatch):
    """The images never go to the host, nor does anything of their size."""
    traveled = []
    original = pooling._to_host
    monkeypatch.setattr(pooling, "_to_host", lambda t: traveled.append(t.shape) or original(t))
    images, saliency = some_batch(8, (32, 32))
    CoMixup(grid=4, effort="fast")(images, None, saliency)
    PuzzleMix(grids=(4,))(images, None, saliency)
    CutMix()(images)
    assert traveled == [(8, 16 + 2 + 1), (8, 16 + 2 + 1 + 3 * 16)]


def test_steps_are_counted_and_can_be_set():
    images, _ = some_batch()
    mix = CutMix(seed=5)
    first, second = (mix(images)[0] for _ in range(2))
    assert not torch.equal(first, second)
    assert mix.step == 2
    mix.step = 0
    assert torch.equal(mix(images)[0], first)
    assert torch.equal(mix(images, step=1)[0], second)  # a step of its own is not counted
    assert mix.step == 1
    copy = pickle.loads(pickle.dumps(mix))
    assert (copy.step, copy.seed) == (1, 5)
    assert torch.equal(copy(images)[0], second)
    fresh = CutMix()
    assert torch.equal(fresh(images, step=0)[0], fresh(images, step=0)[0])


def test_options_that_are_those_of_arrays():
    images, saliency = some_batch()
    labels = torch.arange(6)
    off = CutMix(num_classes=6, off_epoch=2)
    assert torch.equal(off(images, labels, epoch=2)[1], torch.eye(6))
    assert torch.equal(off(images, labels, epoch=2)[0], images)
    never = CutMix(num_classes=6, prob=0.0, label_smoothing=0.6)
    assert torch.allclose(never(images, labels)[1], 0.4 * torch.eye(6) + 0.1)
    switched = CutMix(num_classes=6)
    switched.mixup_enabled = False
    assert torch.equal(switched(images, labels)[0], images)
    assert repr(switched) == "CutMix(num_classes=6)"
    assert repr(MixCollate(switched, carry={2: "keep"})) == (
        "MixCollate(CutMix(num_classes=6), saliency='spectral', images=0, labels=1, "
        "carry={2: 'keep'})"
    )
    assert repr(PlanAhead(switched)) == (
        "PlanAhead(CutMix(num_classes=6), images=0, labels=1, carry={})"
    )
    co = CoMixup(zero_saliency="uniform", effort="fast", grid=2)
    saliency[1] = 0
    assert torch.isfinite(co(images, None, saliency)[0]).all()
    by_patch, _ = co(images, None, torch.rand(6, 2, 2), rng=0)
    assert by_patch.shape == images.shape
    for name in ("spectral", "contrast", None):
        assert co(images, None, name)[0].shape == images.shape


@pytest.mark.parametrize("layout", LAYOUTS)
@given(rng=numbers(), dtype=st.sampled_from([torch.float16, torch.float32, torch.float64]))
def test_summaries_are_those_of_arrays(layout, rng, dtype):
    images, saliency = batch(rng, 4, LAYOUTS[layout], dtype)
    saliency = saliency.to(dtype)
    saliency[2] = 0
    saliency[3].view(-1)[5] = torch.inf
    needs = Needs((2, 3, 2)[: images.ndim - 2], colors=True, zero_saliency="uniform")
    here = pooling.summarize(images, saliency, needs)()
    there = summarize(images.numpy(), "first", saliency.numpy(), needs)
    assert (here.n, here.spatial) == (there.n, there.spatial)
    np.testing.assert_array_equal(here.peaks, there.peaks)
    np.testing.assert_allclose(here.weights, there.weights, rtol=1e-5)
    np.testing.assert_allclose(here.colors, there.colors, rtol=1e-5)


def test_gradients_pass_through_a_mixture():
    plan = comixup.MixPlan.from_sources([[[0, 1], [1, 1]], [[0, 0], [1, 1]]], spatial=(4,))
    hidden = torch.rand(2, 3, 4, requires_grad=True)
    apply(plan, hidden).sum().backward()
    expected = torch.tensor([[1.5, 1.5, 0, 0], [0.5, 0.5, 2, 2]])[:, None].expand(2, 3, 4)
    assert torch.equal(hidden.grad, expected)


def test_rows_of_any_kind_are_mixed():
    plan = comixup.BlendPlan([1, 0], [0.75, 0.75], ())
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        rows = apply_labels(plan, torch.eye(2, dtype=dtype))
        assert rows.dtype == dtype
        assert rows.tolist() == [[0.75, 0.25], [0.25, 0.75]]
    assert apply_labels(plan, torch.eye(2, dtype=torch.bool)).dtype == torch.float32
    assert apply_labels(plan, torch.tensor([1, 0]), num_classes=3).shape == (2, 3)


@pytest.mark.parametrize(
    ("labels", "num_classes"),
    [
        ([[7], [3]], None),
        ([[7], [3]], 1),
        (np.zeros((2, 0)), None),
        (np.zeros((2, 0), dtype=np.int64), 0),
        (np.eye(2), 3),
        ([1, 5], 5),
        ([-1, 7], 5),
    ],
)
def test_labels_are_refused_as_those_of_arrays(labels, num_classes):
    plan = comixup.BlendPlan([1, 0], [0.5, 0.5], ())
    with pytest.raises(ValueError, match="labels") as of_arrays:
        plan.apply_labels(labels, num_classes=num_classes)
    with pytest.raises(ValueError, match="labels") as of_tensors:
        apply_labels(plan, torch.as_tensor(labels), num_classes=num_classes)
    assert str(of_tensors.value) == str(of_arrays.value)


def test_a_single_class_is_a_row_of_one():
    plan = comixup.BlendPlan([1, 0], [0.75, 0.75], ())
    for dtype in (torch.int64, torch.bool, torch.float32):
        rows = apply_labels(plan, torch.tensor([[1], [0]], dtype=dtype), num_classes=1)
        assert rows.tolist() == [[0.75], [0.25]]


def test_a_hidden_layer_is_mixed_while_the_context_lasts():
    layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    plan = comixup.BlendPlan([1, 2, 0], [0.6] * 3, ())
    inputs = torch.rand(3, 4)
    hidden = layers[0](inputs)
    with mixed_at(layers[1], plan):
        inside = layers(inputs)
    assert torch.allclose(inside, layers[1](0.6 * hidden + 0.4 * hidden[[1, 2, 0]]))
    assert torch.equal(layers(inputs), layers[1](hidden))


IMAGES, SALIENCY = some_batch(4)
BAD = [
    ({"images": IMAGES.numpy()}, TypeError, r"comixup\.CoMixup"),
    ({"images": IMAGES.long()}, TypeError, "int64"),
    ({"images": IMAGES[:, 0]}, ValueError, "shape"),
    ({"images": IMAGES[0, 0]}, ValueError, r"images\[:, None\]"),
    ({"labels": torch.arange(3)}, ValueError, "4 inputs"),
    ({"labels": torch.tensor([0, 1, 2, 9])}, ValueError, r"labels\[3\] is 9 \(1"),
    ({"labels": torch.tensor([0, 1, 2, -1])}, ValueError, r"labels\[3\] is -1 \(1"),
    ({"labels": torch.rand(4)}, TypeError, "float32"),
    ({"labels": torch.rand(4, 7)}, ValueError, "num_classes is 5"),
    ({"saliency": SALIENCY[:3]}, ValueError, "one number per patch"),
    ({"saliency": IMAGES}, ValueError, "from_gradient"),
    ({"saliency": -SALIENCY}, ValueError, "sample 0"),
    ({"saliency": 0 * SALIENCY}, UserWarning, "4 of 4 samples have no saliency"),
    ({"saliency": torch.nan * SALIENCY}, UserWarning, "4 of 4 samples have no saliency"),
    ({"saliency": "lucky"}, ValueError, "spectral"),
    ({"step": -1}, ValueError, "step"),
    ({"rank": -1}, ValueError, "rank"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_input_is_refused_with_a_way_out(change, error, message):
    good = {"images": IMAGES, "labels": torch.arange(4), "saliency": SALIENCY}
    mix = CoMixup(num_classes=5, grid=2, effort="fast")
    mix(**good)
    with pytest.raises(error, match=message):
        mix(**{**good, **change})


def test_bad_mixers_and_plans_are_refused():
    with pytest.raises(ValueError, match="num_classes"):
        CutMix()(IMAGES, torch.arange(4))
    with pytest.raises(TypeError, match="mixer"):
        TensorMixer(torch.nn.Identity())
    plan = comixup.MixPlan.identity(4, (12, 9))
    with pytest.raises(ValueError, match="4 inputs"):
        apply(plan, IMAGES[:3])
    with pytest.raises(ValueError, match="spatial"):
        apply(plan, IMAGES[:, 0, 0])
    with pytest.raises(TypeError, match="blend"):
        apply(plan, IMAGES.long())
    masks = (IMAGES[:, 0] * 5).long()
    assert torch.equal(apply(plan, masks, blend="first"), masks)


def test_no_random_numbers_of_torch_are_drawn():
    state = torch.get_rng_state()
    for make in MIXERS.values():
        make()(IMAGES, None, SALIENCY)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("kind", MIXERS)
def test_saliency_and_labels_of_a_wrong_kind_are_refused(kind):
    mix = MIXERS[kind]()
    images, labels = torch.rand(4, 3, 8, 8), torch.arange(4) % 4
    for wrong in (labels, torch.rand(3, 8, 8), images, torch.rand(4, 9, 9, 9)):
        with pytest.raises(ValueError, match=r"saliency needs .* got the shape"):
            mix(images, labels, wrong)
    for wrong in (labels.numpy(), [0, 1, 2, 3]):
        with pytest.raises(TypeError, match=r"labels needs a tensor .* torch.as_tensor"):
            mix(images, wrong)
    for bad, shown in ((-0.5, "-0.5"), (float("nan"), "nan"), (float("inf"), "inf")):
        for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
            rows = torch.eye(4, dtype=dtype)
            rows[3, 2] = bad
            with pytest.raises(ValueError, match=rf"labels\[3, 2\] is {shown} \(1 such"):
                mix(images, rows)
    for rows in (torch.eye(4).bool(), torch.eye(4).long(), torch.eye(4, dtype=torch.uint8)):
        assert mix(images, rows)[1].dtype == torch.float32


class Wrapped(torch.Tensor):
    """A tensor that numpy is not asked about."""


@given(rng=numbers(), dtype=st.sampled_from([torch.uint8, torch.float32, torch.float64]))
def test_the_host_and_the_device_gather_the_same(dtype, rng):
    """Without a graph compiled code gathers, with one it is torch: the same numbers and strides."""
    d = int(rng.integers(1, 4))
    spatial = tuple(int(s) for s in rng.integers(3, 9, d))
    grid, levels = tuple(rng.integers(1, 4, d)), int(rng.integers(1, 3))
    sources = np.sort(rng.integers(0, 4, (4, *grid, levels)), axis=-1)
    plan = MixPlan.from_sources(sources, spatial=spatial)
    extra = [(), (3,), (2, 3)][int(rng.integers(3))]
    tensor = torch.from_numpy(255 * rng.random((4, *extra, *spatial))).to(dtype)
    if len(extra) == 1 and d > 1 and rng.random() < 0.5:
        layout = torch.channels_last if d == 2 else torch.channels_last_3d
        tensor = tensor.contiguous(memory_format=layout)
    for blend in ("mean", "first"):
        plain = apply(plan, tensor, blend=blend)
        meta = gather._patches(plan, tensor.as_subclass(Wrapped), blend == "mean")
        other = gather._in_format_of(tensor, meta.as_subclass(torch.Tensor))
        assert torch.equal(plain, other)
        assert (plain.stride(), plain.dtype) == (other.stride(), other.dtype)


def test_devices_without_float64_compute_in_float32(monkeypatch):
    def ones(*_, dtype, **__):
        raise TypeError(f"no {dtype} on this device")

    assert pooling._widest.__wrapped__("cpu") is torch.float64
    monkeypatch.setattr(torch, "ones", ones)
    assert pooling._widest.__wrapped__("cpu") is torch.float32
