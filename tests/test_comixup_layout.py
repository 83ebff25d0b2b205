"""One check of the order of axes for all mixers: what may be meant in two ways is refused."""

import numpy as np
import pytest

from comixup import CoMixup, CutMix, InputMixup, PuzzleMix, RandomChoice
from comixup._base.layout import Layout, parse
from comixup.evaluate import gaussian_noise
from comixup.saliency import local_contrast

MIXERS = {"co": lambda **o: CoMixup(grid=2, **o), "puzzle": lambda **o: PuzzleMix(grids=(2,), **o),
          "input": InputMixup, "cut": CutMix,
          "choice": lambda **o: RandomChoice([InputMixup(**o), CutMix(**o)])}  # fmt: skip
LAST = [(4, 32, 32, 3), (4, 8, 12, 3), (4, 28, 28, 1), (4, 16, 16, 4), (2, 8, 9, 9, 3)]


def images(shape):
    return np.random.default_rng(0).random(shape)


def tensor_mixers():
    torch = pytest.importorskip("torch")
    from comixup.torch import TensorMixer

    def of(name):
        return lambda **o: TensorMixer(MIXERS[name](**o))

    return {name: of(name) for name in MIXERS}, torch.from_numpy


@pytest.fixture(params=["arrays", "tensors"])
def world(request):
    """Mixers of one of the two packages, and how its batches are made of numpy's."""
    return (MIXERS, np.asarray) if request.param == "arrays" else tensor_mixers()


@pytest.mark.parametrize("shape", LAST)
@pytest.mark.parametrize("kind", MIXERS)
def test_the_other_place_of_channels_is_refused_and_both_ways_out_work(kind, shape, world):
    mixers, batch = world
    last = images(shape)
    first = np.ascontiguousarray(np.moveaxis(last, -1, 1))
    for wrong, channels, way in ((last, "first", "'last'"), (first, "last", "'first'")):
        with pytest.raises(ValueError, match=rf"channels={channels!r} makes.*Say channels={way}"):
            mixers[kind](channels=channels)(batch(wrong), rng=0)
        if kind in ("input", "cut"):  # the others want two pixels along every axis
            inner = "HW" if len(shape) == 4 else "DHW"
            layout = f"BC{inner}" if channels == "first" else f"B{inner}C"
            assert mixers[kind](layout=layout)(batch(wrong), rng=0).images.shape == wrong.shape
    a = mixers[kind](channels="last")(batch(last), rng=0).images
    b = mixers[kind]()(batch(first), rng=0).images
    np.testing.assert_array_equal(a, np.moveaxis(np.asarray(b), 1, -1))


@pytest.mark.parametrize("kind", MIXERS)
@pytest.mark.parametrize("saliency", ["spectral", "contrast", "maps"])
def test_the_order_in_memory_changes_nothing(kind, saliency, world):
    mixers, batch = world
    plain = images((5, 12, 16, 18))
    maps = images((5, 16, 18))
    orders = [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 3, 1), (1, 3, 0, 2)]
    found = []
    for order in orders:
        other = plain.transpose(order).copy().transpose(np.argsort(order))
        given = maps if order == orders[0] else np.asfortranarray(maps)
        used = batch(given) if saliency == "maps" else saliency
        mixed = mixers[kind](num_classes=5).mix(batch(other), batch(np.arange(5)), used, rng=3)
        found.append((np.asarray(mixed.images), np.asarray(mixed.labels)))
    for one in found[1:]:
        np.testing.assert_array_equal(one[0], found[0][0])
        np.testing.assert_array_equal(one[1], found[0][1])


UNCLEAR = {
    (4, 28, 28): "'BHW'",  # gray images, mixed as 28 signals before
    (4, 32, 160): "'BHW'",
    (4, 1000, 12): "'BLC'",
    (4, 40, 40, 12): "'BHWC'",
    (4, 128, 1001, 1): "'BHWC'",
    (4, 32, 160, 3): "'BHWC'",
    (4, 8, 3, 16, 16): "'BTCHW'",  # boxes across colors before
    (4, 3, 3, 16, 16): "'BTCHW'",
    (2, 4, 16, 16, 3): "'BTHWC'",
}


@pytest.mark.parametrize("shape", UNCLEAR)
@pytest.mark.parametrize("kind", MIXERS)
def test_what_may_be_meant_in_two_ways_is_refused_and_layout_says_it(kind, shape, world):
    mixers, batch = world
    x, layout = batch(images(shape)), UNCLEAR[shape].strip("'")
    with pytest.raises(ValueError, match=rf"more than one way.*layout={layout!r}"):
        mixers[kind]()(x, rng=0)
    try:
        mixed = mixers[kind](layout=layout)(x, rng=0)
    except ValueError as error:  # a few frames are fewer than patches
        assert "one pixel per patch" in str(error)  # noqa: PT017
        return
    assert mixed.images.shape == shape
    assert mixed.plan.spatial == Layout(layout).spatial(shape)


@pytest.mark.parametrize(
    "shape",
    [
        (4, 3, 32, 32), (4, 3, 32, 3), (4, 3, 3, 32), (4, 1, 28, 1), (4, 7, 7, 3), (4, 64, 40, 40),
        (4, 1, 16000), (4, 12, 1000), (4, 2, 16), (4, 3, 4, 12, 12), (4, 1, 16, 12, 12),
        (4, 13, 64, 64),
    ],
)  # fmt: skip
def test_what_is_clear_needs_no_word(shape, world):
    mixers, batch = world
    for kind in ("input", "cut"):
        assert mixers[kind]()(batch(images(shape)), rng=0).images.shape == shape


ORDERS = ["BHW", "BHWC", "BCHW", "NCHW", "BTCHW", "BCTHW", "BTHWC", "BCL", "BLC", "BHCW"]


@pytest.mark.parametrize("layout", ORDERS)
@pytest.mark.parametrize("kind", ["co", "puzzle", "input", "cut"])
def test_the_order_of_axes_changes_nothing_but_the_order(kind, layout, world):
    mixers, batch = world
    spatial = parse(layout).n_spatial
    first = images((5, 1 if layout == "BHW" else 3, 6, 12, 8)[: 2 + spatial])
    plain = "BC" + "DHW"[:spatial]
    expected = mixers[kind](layout=plain)(batch(first), rng=1)
    order = parse(layout)
    given = np.ascontiguousarray(order.restore(first, first=True))
    mixed = mixers[kind](layout=layout)(batch(given), rng=1)
    assert mixed.images.shape == given.shape
    np.testing.assert_array_equal(
        np.asarray(order.arrange(mixed.images, first=True)), np.asarray(expected.images)
    )
    assert mixed.plan.spatial == expected.plan.spatial


def test_tables_are_mixed_by_input_mixup_alone(world):
    mixers, batch = world
    table = batch(images((6, 9)))
    mixed = mixers["input"](layout="BC", num_classes=2)(table, rng=0)
    plan = mixed.plan
    rows = (
        plan.share[:, None] * images((6, 9))
        + (1 - plan.share[:, None]) * images((6, 9))[plan.partner]
    )
    np.testing.assert_allclose(np.asarray(mixed.images), rows)
    for off in ({"prob": 0.0}, {"off_epoch": 0}):
        mixer = mixers["input"](layout="BC", num_classes=2, **off)
        kept = mixer(table, batch(np.arange(6) % 2), rng=0)
        np.testing.assert_array_equal(np.asarray(kept.images), images((6, 9)))
        np.testing.assert_array_equal(np.asarray(kept.labels), np.eye(2)[np.arange(6) % 2])
    for kind in ("co", "puzzle", "cut", "choice"):
        with pytest.raises(ValueError, match=r"at least 1 spatial axis.*InputMixup mixes tables"):
            mixers[kind](layout="BC")(table, rng=0)
    with pytest.raises(ValueError, match=r"layout=: .*'BC' for tables"):
        mixers["input"]()(table, rng=0)


@pytest.mark.parametrize("bad", ["CHW", "BCHHW", "bchw", "B", "BCDHWX", "BC1", "", 3])
def test_layouts_that_are_none_are_refused(bad):
    with pytest.raises((ValueError, TypeError), match="layout needs"):
        CutMix(layout=bad)
    with pytest.raises(ValueError, match="leave channels out"):
        CutMix(layout="BHWC", channels="last")
    with pytest.raises(ValueError, match="have 4 axes, but layout='BCL' names 3"):
        CutMix(layout="BCL")(images((4, 3, 8, 8)))


def test_saliency_and_corruptions_refuse_it_too():
    for call in (local_contrast, lambda x: gaussian_noise(x, 0)):
        with pytest.raises(ValueError, match="channels='first' makes them 32 channels of 32 x 3"):
            call(images((4, 32, 32, 3)))


def test_memory_order_of_tensors_is_kept():
    torch = pytest.importorskip("torch")
    from comixup.torch import CutMix, apply

    plan = MIXERS["cut"]().mix(images((4, 3, 32, 32)), rng=0).plan
    moved = torch.rand(4, 32, 32, 3).movedim(-1, 1)  # memory as before: a layout of torch
    assert CutMix(seed=0)(moved)[0].is_contiguous(memory_format=torch.channels_last)
    for layout, shape in (("BHWC", (4, 32, 32, 3)), ("BTCHW", (4, 5, 3, 8, 8))):
        assert CutMix(seed=0, layout=layout)(torch.rand(shape))[0].is_contiguous()
    features = torch.rand(4, 64, 64, 1)  # of a layer, not pictures
    assert apply(plan, features).shape == features.shape
