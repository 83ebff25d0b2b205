"""Pictures whose channels are plainly elsewhere are refused; whatever may be meant is mixed."""

import numpy as np
import pytest

from comixup import CoMixup, CutMix, InputMixup, PuzzleMix
from comixup.evaluate import gaussian_noise
from comixup.saliency import local_contrast

MIXERS = {"co": lambda **o: CoMixup(grid=2, **o), "puzzle": lambda **o: PuzzleMix(grids=(2,), **o),
          "input": InputMixup, "cut": CutMix}  # fmt: skip
LAST = [(4, 32, 32, 3), (4, 8, 12, 3), (4, 28, 28, 1), (4, 16, 16, 4), (2, 8, 9, 9, 3)]


def images(shape):
    return np.random.default_rng(0).random(shape)


@pytest.mark.parametrize("shape", LAST)
@pytest.mark.parametrize("kind", MIXERS)
def test_the_other_layout_is_refused_and_both_ways_out_work(kind, shape):
    last = images(shape)
    first = np.moveaxis(last, -1, 1)
    for wrong, channels, way in ((last, "first", "'last'"), (first, "last", "'first'")):
        with pytest.raises(ValueError, match=rf"channels={channels!r} makes.*Say channels={way}"):
            MIXERS[kind](channels=channels)(wrong, rng=0)
        if kind in ("input", "cut"):  # the others want two pixels along every axis
            swapped = wrong.swapaxes(*((-2, -1) if channels == "first" else (1, 2)))
            assert MIXERS[kind](channels=channels)(swapped, rng=0).images.shape == swapped.shape
    a = MIXERS[kind](channels="last")(last, rng=0).images
    b = MIXERS[kind]()(first, rng=0).images
    np.testing.assert_array_equal(a, np.moveaxis(b, 1, -1))


@pytest.mark.parametrize(
    "shape",
    [
        (4, 3, 32, 32), (4, 3, 32, 3), (4, 3, 3, 32), (4, 1, 28, 1), (4, 12, 100, 1), (4, 64, 8, 4),
        (4, 7, 7, 3), (4, 12, 500, 3), (4, 16, 128, 3), (4, 12, 40, 2),
        (4, 16, 16, 5), (4, 32, 3), (4, 9, 9, 7, 3),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_mixed(shape):
    for mix in (InputMixup(), CutMix()):
        assert mix(images(shape), rng=0).images.shape == shape


def test_saliency_and_corruptions_refuse_it_too():
    for call in (local_contrast, lambda x: gaussian_noise(x, 0)):
        with pytest.raises(ValueError, match="channels='first' makes them 32 channels of 32 x 3"):
            call(images((4, 32, 32, 3)))


def test_tensors():
    torch = pytest.importorskip("torch")
    from comixup.torch import CutMix, InputMixup, apply

    plan = MIXERS["cut"]().mix(images((4, 3, 32, 32)), rng=0).plan

    for mix in (InputMixup(seed=0), CutMix(seed=0)):
        with pytest.raises(ValueError, match=r"movedim"):
            mix(torch.rand(4, 32, 32, 3))
        moved = torch.rand(4, 32, 32, 3).movedim(-1, 1)  # memory as before: a layout of torch
        assert mix(moved)[0].shape == (4, 3, 32, 32)
    features = torch.rand(4, 64, 64, 1)  # of a layer, not pictures
    assert apply(plan, features).shape == features.shape
