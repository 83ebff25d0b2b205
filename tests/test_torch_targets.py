"""Labels that are no class indices, samples without a label, and what lies along the images."""

import sys
import types
import warnings
from functools import partial

import numpy as np
import pytest
from drawn import numbers
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

import comixup  # noqa: E402
from comixup.torch import (  # noqa: E402
    AdaMixUp,
    CoMixup,
    CutMix,
    InputMixup,
    MixCollate,
    PuzzleMix,
    RandomChoice,
    apply_labels,
    training_step,
)
from comixup.torch.carry import Parts  # noqa: E402

functional = torch.nn.functional
MIXERS = {
    "comixup": lambda **o: CoMixup(group_size=4, effort="fast", seed=0, **o),
    "puzzle": lambda **o: PuzzleMix(seed=0, grids=(2, 4), **o),
    "input": lambda **o: InputMixup(seed=0, **o),
    "cutmix": lambda **o: CutMix(seed=0, **o),
}
SEEDS = st.integers(0, 2**32 - 1)


def network(outputs):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, outputs))


def images(n=4):
    return torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(n))


def gradients(model, *args, **options):
    model.zero_grad()
    result = training_step(model, *args, **options)
    return result, [p.grad.clone() for p in model.parameters()]


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("convert", [
    lambda y: y.int(), lambda y: y.to(torch.uint8),
    lambda y: functional.one_hot(y, 3), lambda y: functional.one_hot(y, 3).bool(),
], ids=["int32", "uint8", "rows of int64", "rows of bool"])  # fmt: skip
def test_labels_of_any_dtype_give_the_same_step(name, convert):
    y = torch.tensor([0, 2, 1, 0])
    model = network(3)
    first = gradients(model, images(), y, MIXERS[name](), step=0)[1]
    second = gradients(model, images(), convert(y), MIXERS[name](), step=0)[1]
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("clean_weight", [0, 1])
def test_a_step_with_values_is_that_of_the_loss_of_the_caller(name, clean_weight):
    y = torch.tensor([1.0, 0.0, 1.0, 1.0])
    loss = functional.binary_cross_entropy_with_logits
    model = torch.nn.Sequential(network(1), torch.nn.Flatten(0))
    mix = MIXERS[name](targets="values")
    result, found = gradients(model, images(), y, mix, loss=loss, clean_weight=clean_weight)
    mixed = comixup.torch.apply(result.plan, images())
    clean = clean_weight * mix.mixer.uses_saliency
    model.zero_grad()
    total = loss(model(mixed), comixup.torch.apply_values(result.plan, y))
    (total + clean * loss(model(images()), y)).backward()
    for a, parameter in zip(found, model.parameters(), strict=True):
        torch.testing.assert_close(a, parameter.grad)
    if mix.mixer.uses_saliency:
        assert mix.n_uniform == 0, "the gradient of the loss is the saliency"


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("amp", [None, torch.bfloat16], ids=["float32", "bfloat16"])
def test_values_with_autocast_and_losses_of_each_sample(name, amp):
    y = torch.tensor([[1.5], [0.0], [-1.0], [1.0]])
    mix = MIXERS[name](targets="values")
    for options in (
        {"loss": functional.mse_loss},
        {"loss": lambda a, b: (a - b).square()[:, 0], "interpolate": True},
    ):
        result = training_step(network(1), images(), y, mix, amp=amp, **options)
        assert result.loss.isfinite()
        assert result.loss.dtype == torch.float32


@pytest.mark.parametrize("name", MIXERS)
def test_a_single_logit_has_no_softmax(name):
    rows = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    with pytest.raises(ValueError, match=r"single logit is 1 .*binary_cross_entropy_with_logits"):
        training_step(network(1), images(), rows, MIXERS[name]())
    loss, mix = functional.binary_cross_entropy_with_logits, MIXERS[name]()
    result = training_step(network(1), images(), rows, mix, loss=loss)
    assert (result.clean_loss > 0) == mix.mixer.uses_saliency
    assert mix.n_uniform == 0


@pytest.mark.parametrize("name", MIXERS)
def test_what_cannot_be_trained_is_said(name):
    mix, y = MIXERS[name](), torch.arange(4) % 3
    values = MIXERS[name](targets="values")
    model = network(3)
    for labels, match in (
        ({"a": y}, "several heads mix first"), ([0, 1, 2, 0], "torch.as_tensor"),
        (y.float(), "targets='values'"), (y[:3], "one entry for each of the 4 images"),
    ):  # fmt: skip
        with pytest.raises((TypeError, ValueError), match=match):
            training_step(model, images(), labels, mix)
    with pytest.raises(ValueError, match="compare all pairs"):
        training_step(network(1), images(), y.float(), values, loss=functional.mse_loss)
    with pytest.raises(ValueError, match="targets='values' are not classes"):
        training_step(model, images(), y.float(), values)
    with pytest.raises(ValueError, match="reduction='mean'"):
        training_step(model, images(), y, mix, loss=torch.nn.CrossEntropyLoss(reduction="none"))
    with pytest.raises(ValueError, match="all of the model is frozen"):
        training_step(network(3).requires_grad_(False), images(), y, mix)
    with torch.no_grad(), pytest.raises(ValueError, match="no_grad"):
        training_step(model, images(), y, mix)
    if mix.mixer.uses_saliency:
        with pytest.raises(TypeError, match="spectral"):
            training_step(model, images().mul(255).byte(), y, mix)


@given(rng=numbers(), n=st.integers(1, 6), smoothing=st.sampled_from([0.0, 0.2]))
@pytest.mark.parametrize("name", MIXERS)
def test_ignored_samples_count_for_nothing(name, n, smoothing, rng):
    y = torch.as_tensor(rng.choice([-100, 0, 1, 2], n))
    mix = MIXERS[name](num_classes=3, ignore_index=-100, label_smoothing=smoothing)
    mixed = mix.mix(images(n), y)
    logits = torch.as_tensor(rng.normal(size=(n, 3)), dtype=torch.float32)

    def loss(labels):
        return functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=smoothing, ignore_index=-100
        )

    soft = functional.cross_entropy(logits, mixed.labels, reduction="none")
    torch.testing.assert_close(soft, mixed.plan.interpolate_loss(loss, y), atol=1e-5, rtol=1e-5)
    arrays = mix.mixer.mix(images(n).numpy(), y.numpy(), rng=mix.seed)
    assert arrays.labels.shape == (n, 3)
    again = mix.labels(arrays.plan, y)
    np.testing.assert_allclose(arrays.labels, again.numpy(), atol=1e-6)


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("kind", ["bce", "ce"])
def test_a_step_without_some_labels(name, kind):
    y = torch.tensor([0, -1, 2, -1])
    model = network(3)
    result = training_step(model, images(), y, MIXERS[name](ignore_index=-1), loss=kind)
    mixed = comixup.torch.apply(result.plan, images())

    def loss(labels):
        logits = model(mixed)
        known = labels.clamp(min=0)
        if kind == "ce":
            each = functional.cross_entropy(logits, known, reduction="none")
        else:
            rows = functional.one_hot(known, 3).float()
            found = logits.softmax(dim=1)
            each = functional.binary_cross_entropy(found, rows, reduction="none").mean(dim=1)
        return each * (labels >= 0)

    expected = result.plan.interpolate_loss(loss, y).mean()
    torch.testing.assert_close(result.mixed_loss, expected.detach())
    none = training_step(model, images(), torch.full((4,), -1), MIXERS[name](ignore_index=-1))
    assert none.loss == 0, "no sample has a label: nothing to learn, and no NaN"
    with pytest.raises(ValueError, match="ignore_index"):
        training_step(model, images(), y, MIXERS[name]())
    with pytest.raises(ValueError, match="ignore_index=-1"):
        MIXERS[name](num_classes=3)(images(), y)
    with pytest.raises(ValueError, match="no ignore_index"):
        MIXERS[name](targets="values", ignore_index=-1)


@given(rng=numbers(), n=st.integers(1, 6), size=st.sampled_from([(1, 1), (3, 5), (8, 8), (20, 20)]))
@pytest.mark.parametrize("name", MIXERS)
def test_labels_by_maximum_and_by_saliency(name, n, size, rng):
    plan = MIXERS[name](num_classes=3).mix(images(n)).plan
    rows = rng.random((n, 3)).astype(np.float32)
    maps = rng.random((n, *size)) * (rng.random((n, 1, 1)) < 0.8)
    sources, area = plan.slots
    largest = [rows[s[a > 0]].max(axis=0) for s, a in zip(sources, area, strict=True)]
    np.testing.assert_array_equal(plan.apply_labels(rows, by="maximum"), largest)
    seen = plan.visible(maps)
    assert seen.shape == area.shape
    assert (seen >= 0).all()
    by, total = plan.slots_by(maps)[1], seen.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(by.sum(axis=1), 1)
    np.testing.assert_allclose(by * total, seen, atol=1e-12)
    np.testing.assert_allclose(
        plan.apply_labels(rows, by=maps), np.einsum("bs,bsk->bk", by, rows[sources]), rtol=1e-5
    )
    even = plan.apply_labels(rows, by=np.ones((n, 8, 8)))
    np.testing.assert_allclose(even, plan.apply_labels(rows), atol=1e-6)
    for how in ("maximum", torch.as_tensor(maps), "area"):
        there = apply_labels(plan, torch.as_tensor(rows), by=how)
        here = plan.apply_labels(rows, by=how if isinstance(how, str) else maps)
        np.testing.assert_allclose(there.numpy(), here, atol=1e-6)
    with pytest.raises(ValueError, match="by must be one of"):
        plan.apply_labels(rows, by="size")


@given(
    rng=numbers(),
    seed=SEEDS,
    n=st.integers(1, 6),
    by=st.sampled_from(["area", "maximum", "saliency"]),
    ignored=st.booleans(),
)
@pytest.mark.parametrize("name", MIXERS)
def test_every_door_mixes_labels_by_what_the_mixer_says(name, n, by, ignored, rng, seed):
    maps, y = rng.random((n, 8, 8)) ** 4 + 1e-6, torch.as_tensor(rng.integers(0, 3, n))
    mix = MIXERS[name](num_classes=3, labels_by=by, ignore_index=1 if ignored else None)
    mixed = mix(images(n), y, torch.as_tensor(maps), step=seed)
    rows = functional.one_hot(y, 3).double()
    if ignored:
        rows[y == 1] = 0
    expected = mixed.plan.apply_labels(rows.numpy(), by=maps if by == "saliency" else by)
    np.testing.assert_allclose(mixed.labels.numpy(), expected, atol=1e-5)
    arrays = mix.mixer.mix(images(n).numpy(), y.numpy(), maps, step=seed)
    np.testing.assert_allclose(arrays.labels, expected, atol=1e-5)
    carried = Parts(0, None, {1: "labels"}).write(mix, (images(n), rows), mixed)[1]
    np.testing.assert_allclose(carried.numpy(), expected, atol=1e-5)
    if by != "maximum":
        true = rng.random((n, 3))
        losses = mixed.plan.interpolate_loss(lambda j: true[np.arange(n), j], y.numpy(), by=by)
        whole = mixed.plan.apply_labels(functional.one_hot(y, 3).double().numpy(), by=by)
        np.testing.assert_allclose(losses, (whole * true).sum(axis=1), rtol=1e-5)


@given(
    n=st.integers(1, 4),
    size=st.tuples(*[st.integers(8, 40)] * 2),
    tilt=st.tuples(*[st.floats(-2, 2)] * 3),
    dtype=st.sampled_from([np.float16, np.float32, np.float64, np.uint8]),
    method=st.sampled_from([None, "contrast"]),
    seed=SEEDS,
)
@pytest.mark.parametrize("name", ["input", "cutmix"])
def test_labels_by_the_saliency_of_smooth_images_are_those_of_arrays(
    name, n, size, tilt, dtype, method, seed
):
    """Most frequencies of a ramp are tiny beside the largest: rounding changes their phases."""
    y, x = np.ogrid[: size[0], : size[1]]
    bend = np.linspace(0.5, 1, 3 * n).reshape(n, 3, 1, 1)
    ramp = 40 + bend * (tilt[0] * y + tilt[1] * x + tilt[2] * np.sin(x / 3))
    pixels = (ramp if dtype is np.uint8 else ramp / 255).clip(0, 255).astype(dtype)
    labels = np.arange(n) % 3
    mix = MIXERS[name](num_classes=3, labels_by="saliency")
    found = mix(torch.as_tensor(pixels), torch.as_tensor(labels), method, step=seed)
    expected = mix.mixer.mix(pixels, labels, method, step=seed)
    np.testing.assert_allclose(found.labels.numpy(), expected.labels, atol=1e-6)


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("by", ["area", "maximum", "saliency"])
def test_a_step_with_labels_by(name, by):
    seen = []

    def loss(logits, rows):
        seen.append(rows)
        return functional.binary_cross_entropy_with_logits(logits, rows)

    labels, maps = torch.eye(5)[:4], torch.rand(4, 8, 8) ** 3
    mix = MIXERS[name](labels_by=by)
    result = training_step(network(5), images(), labels, mix, loss=loss, saliency=maps, step=3)
    by_what = maps.numpy() if by == "saliency" else by
    expected = result.plan.apply_labels(labels.numpy(), by=by_what)
    np.testing.assert_allclose(seen[-1].numpy(), expected, atol=1e-5)
    if by == "saliency":  # without maps they are those of the clean pass
        assert training_step(network(5), images(), labels, mix).clean_loss > 0
    mix.mixup_enabled = False
    assert torch.equal(mix(images(), labels).labels, labels)


def test_labels_by_what_cannot_be():
    with pytest.raises(ValueError, match="labels_by must be one of"):
        CutMix(labels_by="luck")
    with pytest.raises(ValueError, match="are mixed by area"):
        CutMix(labels_by="maximum", targets="values")
    each = partial(functional.cross_entropy, reduction="none")
    with pytest.raises(ValueError, match="labels_by='maximum' takes rows"):
        training_step(
            network(5), images(), torch.arange(4), CutMix(labels_by="maximum"),
            loss=each, interpolate=True,
        )  # fmt: skip
    plan = CutMix(seed=0).mix(images()).plan
    with pytest.raises(ValueError, match="unless they were saved or joined"):
        plan.apply_labels(np.eye(4), by="saliency")
    for prob in (0.0, 1.0):
        table = InputMixup(labels_by="saliency", layout="BC", prob=prob)
        with pytest.raises(ValueError, match="needs images with spatial axes"):
            table(torch.rand(4, 5), torch.eye(4))
        with pytest.raises(ValueError, match="needs images with spatial axes"):
            table.mixer(np.random.default_rng(0).random((4, 5)), np.eye(4))
    with pytest.raises(ValueError, match="need the same labels_by"):
        RandomChoice([CutMix(), InputMixup(labels_by="maximum")])


@given(rng=numbers(), n=st.integers(2, 6))
@pytest.mark.parametrize("name", MIXERS)
def test_a_point_shows_what_it_showed(name, n, rng):
    plan = MIXERS[name]().mix(images(n)).plan
    points = [rng.uniform(0, 8, (int(m), 2)) for m in rng.integers(0, 5, n)]
    # images that tell of each pixel where it was, and of which image
    place = np.stack(np.meshgrid(np.arange(8), np.arange(8), indexing="ij"))[None].repeat(n, 0)
    own = np.eye(n)[:, :, None, None] * np.ones((1, 1, 8, 8))
    carried = plan.apply(np.concatenate([own, own * place[:, :1], own * place[:, 1:]], axis=1))
    for j, found in enumerate(plan.apply_points(points)):
        for point, i, row, visible in zip(*found, strict=True):
            x, y = np.minimum(point.astype(int), 7)
            share = carried[j, i, y, x]
            assert share >= visible - 1e-6
            if abs(share - visible) < 1e-6:  # no other part of the image lies here as well
                x0, y0 = np.minimum(points[i][row].astype(int), 7)
                seen = carried[j, [n + i, 2 * n + i], y, x] / share
                np.testing.assert_allclose(seen, (y0, x0), atol=1e-5)
        if name != "puzzle":
            for i in range(n):
                x, y = np.minimum(points[i].astype(int), 7).T
                shown = np.flatnonzero(carried[j, i, y, x] > 0)
                np.testing.assert_array_equal(found.rows[found.sources == i], shown)


def test_points_that_are_none_are_refused():
    plan = CutMix(seed=0).mix(images()).plan
    for points, match in (
        ([[]] * 3, "one array for each of the 4"), ([[[9, 1]], [], [], []], r"row 0 is \[9.0, 1.0"),
        ([[1, 2], [], [], []], "shape"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=match):
            plan.apply_points(points)


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 7), (4, 4), (30, 31), (224, 224)])
def test_maps_of_any_resolution_are_those_of_pixels(name, size):
    # float64, so that both sum in the same precision
    maps = torch.rand(4, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = images()
    mix = MIXERS[name]()
    mixed = mix.mix(x, None, maps, step=0)
    arrays = mix.mixer.mix(x.numpy(), None, maps.numpy(), rng=mix.seed)
    np.testing.assert_allclose(mixed.images.numpy(), arrays.images, atol=1e-6)
    if size == (7, 7):  # each cell as 8 x 8 pixels, the image as 7 x 7 per pixel: the same maps
        big = maps.repeat_interleave(8, 1).repeat_interleave(8, 2)
        wide = x.repeat_interleave(7, 2).repeat_interleave(7, 3)
        same = mix.mix(wide, None, big, step=0).plan
        np.testing.assert_allclose(same.shares, mixed.plan.shares, atol=0.05)


def test_maps_that_are_turned_are_refused():
    with pytest.raises(ValueError, match="turned against images"):
        CutMix(seed=0)(torch.rand(4, 3, 8, 16), None, torch.rand(4, 14, 7))


def test_images_that_are_not_finite_and_odd_views_end_no_run():
    for name in MIXERS:
        x = images()
        x[1] = float("nan")
        assert MIXERS[name]()(x, None, torch.rand(4, 8, 8)).images.shape == x.shape
        with warnings.catch_warnings():  # nothing is said but that one sample has no saliency
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", UserWarning)
            mix = MIXERS[name]()
            assert mix(x).images.shape == x.shape
        assert mix.n_uniform == (name in ("comixup", "puzzle"))
        negative = torch._neg_view(-images())
        view = MIXERS[name]()(negative, step=0).images
        assert torch.equal(view, MIXERS[name]()(images(), step=0).images)


def test_the_kinds_of_samples():
    x = [images(12)[i] for i in range(12)]
    mix = CutMix(num_classes=3, seed=0)
    bare = MixCollate(mix, labels=None)(x[:4])
    assert bare.shape == (4, 3, 8, 8)
    both = MixCollate(mix, labels=None, plan=True)(x[:4])
    assert torch.equal(both[0], bare)
    assert len(both[1]) == 4
    boxes = [[[0, 0, 4, 4]], [], [[1, 1, 3, 3], [2, 2, 8, 8]], [[0, 0, 8, 8]]]
    samples = [(x[i], i % 3, boxes[i], np.ones((i, 2))) for i in range(4)]
    out = MixCollate(mix, carry={2: "boxes", 3: "points"})(samples)
    plan = mix.mix(torch.stack(x[:4]), step=comixup.torch.collate.content_key(
        torch.stack(x[:4]), torch.arange(4) % 3)).plan  # fmt: skip
    for found, expected in zip(out[2], plan.apply_boxes(boxes), strict=True):
        np.testing.assert_array_equal(found.boxes, expected.boxes)
    assert sum(len(found.points) for found in out[3]) > 0
    named = [{"image": a, "label": b, "corners": c} for a, b, c, _ in samples]
    collate = MixCollate(mix, images="image", labels="label", carry={"corners": "boxes"})
    for found, expected in zip(collate(named)["corners"], out[2], strict=True):
        np.testing.assert_array_equal(found.boxes, expected.boxes)
    with pytest.raises(ValueError, match=r"need one size, got \(3, 8, 8\), \(3, 9, 8\)"):
        MixCollate(mix)([(x[0], 0), (torch.rand(3, 9, 8), 1)])
    with pytest.raises(ValueError, match=r"head 'b': labels needs"):
        mix(torch.stack(x[:4]), {"a": torch.arange(4) % 3, "b": torch.zeros(4, 8, 8).long()})


def test_what_lies_along_is_cut_at_its_own_axes():
    mix = CutMix(num_classes=3, seed=0, channels="last")
    x = images().movedim(1, -1)
    masks, depth = torch.randint(0, 5, (4, 8, 8)), torch.rand(4, 8, 8, 2)
    batch = (x, torch.arange(4) % 3, masks, depth)
    out = MixCollate(mix, carry={2: "first", 3: "mean"}, plan=True, collate=lambda b: b)(batch)
    plan = out[-1]
    np.testing.assert_array_equal(out[2], plan.apply(masks.numpy(), blend="first"))
    np.testing.assert_array_equal(out[3], plan.apply(depth.numpy(), channels="last"))
    unsaid = MixCollate(mix, carry={2: "first"}, collate=lambda b: b)(batch)
    assert torch.equal(unsaid[3], out[3])
    turned = (*batch[:3], torch.rand(4, 8, 8, 2)[:, :, 0])
    with pytest.raises(ValueError, match="no picture of the images"):
        MixCollate(mix, carry={2: "first", 3: "mean"}, collate=lambda b: b)(turned)
    arrays = (*batch[:2], masks.numpy())
    with pytest.raises(ValueError, match=r"part 2 of the batch is an array \(4, 8, 8\)"):
        MixCollate(mix, collate=lambda b: b)(arrays)
    with pytest.raises(TypeError, match="part 2 of the batch needs a tensor"):
        MixCollate(mix, carry={2: "first"}, collate=lambda b: b)(arrays)


def test_adamixup_takes_models_of_other_libraries():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network(3)

        def forward(self, x):
            return {"logits": self.inner(x)}

    y = torch.arange(4) % 3
    a = training_step(Model(), images(), y, AdaMixUp(seed=0), step=0)
    b = training_step(
        Model(), images(), y, AdaMixUp(seed=0), step=0, logits=lambda out: out["logits"]
    )
    assert a.logits.shape == b.logits.shape == (4, 3)


class TVTensor(torch.Tensor):
    """Stands in for that of torchvision: every operation drops its class."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", MIXERS)
def test_tensors_of_torchvision_stay_what_they_are(name, monkeypatch):
    module = types.ModuleType("torchvision.tv_tensors")
    module.TVTensor = TVTensor
    module.wrap = lambda wrappee, *, like: wrappee.as_subclass(type(like))
    monkeypatch.setitem(sys.modules, "torchvision.tv_tensors", module)
    wrapped = images().as_subclass(TVTensor)
    mixed = MIXERS[name]().mix(wrapped, step=0)
    assert type(mixed.images) is TVTensor
    assert torch.equal(mixed.images.as_subclass(torch.Tensor),
                       MIXERS[name]().mix(images(), step=0).images)  # fmt: skip
    masks = torch.randint(0, 5, (4, 8, 8)).as_subclass(TVTensor)
    assert type(comixup.torch.apply(mixed.plan, masks, blend="first")) is TVTensor
