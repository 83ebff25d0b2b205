"""Mixers and plans refuse what they cannot use by an error that names the argument."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mistakes import MISTAKES, require_named

import comixup

IMAGES = np.arange(4 * 3 * 8 * 8, dtype=np.float32).reshape(4, 3, 8, 8) % 7
LABELS = np.array([0, 1, 2, 1])
SALIENCY = np.arange(4 * 8 * 8.0).reshape(4, 8, 8) % 5
BATCH = {"images": IMAGES, "labels": LABELS, "step": 0, "epoch": 0}
MIXERS = {
    "CoMixup": {"group_size": 4, "grid": 4},
    "CutMix": {},
    "InputMixup": {},
    "PuzzleMix": {"grids": (2,)},
}


def options(mixer):
    """Return the options of a class, with their defaults."""
    return {p.name: p.default for p in inspect.signature(mixer).parameters.values()}


def doors(module):
    for name, own in MIXERS.items():
        mixer = getattr(module, name)
        yield name, (mixer, options(mixer))
        batch = BATCH if name in ("CutMix", "InputMixup") else {**BATCH, "saliency": SALIENCY}
        yield f"{name}()", (mixer(num_classes=3, seed=0, **own), batch)


PLAN = comixup.CoMixup(num_classes=3, seed=0, **MIXERS["CoMixup"])(
    IMAGES, LABELS, SALIENCY, step=0
).plan
DOORS = {
    **dict(doors(comixup)),
    "plan.apply": (PLAN.apply, {"array": IMAGES, "blend": None}),
    "plan.apply_labels": (PLAN.apply_labels, {"labels": LABELS, "num_classes": 3}),
    "patch_weights": (comixup.patch_weights, {"saliency": SALIENCY, "grid": 4}),
}
pytestmark = pytest.mark.filterwarnings("ignore:group_size=1 mixes nothing")
SAYS = {"images": ("labels",), "array": ("labels",)}  # how many they are


@pytest.mark.parametrize("door", DOORS)
@given(data=st.data())
def test_an_argument_that_is_refused_is_named(door, data):
    call, arguments = DOORS[door]
    name = data.draw(st.sampled_from(sorted(arguments)))
    other = data.draw(st.sampled_from(MISTAKES))
    require_named(call, arguments, name, other, SAYS.get(name, ()))


@given(data=st.data())
def test_tensors_as_well(data):
    torch = pytest.importorskip("torch")
    from comixup.torch import CoMixup, apply, apply_labels, apply_values

    mixer = CoMixup(num_classes=3, seed=0, **MIXERS["CoMixup"])
    images, labels = torch.from_numpy(IMAGES), torch.from_numpy(LABELS)
    calls = [
        (mixer.mix, {**BATCH, "images": images, "labels": labels, "saliency": SALIENCY}),
        (apply, {"plan": PLAN, "tensor": images}),
        (apply_labels, {"plan": PLAN, "labels": labels, "num_classes": 3}),
        (apply_values, {"plan": PLAN, "values": images}),
    ]
    call, arguments = data.draw(st.sampled_from(calls))
    name = data.draw(st.sampled_from(sorted(arguments)))
    other = data.draw(st.sampled_from(MISTAKES))
    require_named(call, arguments, name, other, (*SAYS.get(name, ()), "labels"))


@pytest.mark.parametrize("name", [*MIXERS, "RandomChoice", "ManifoldMixup"])
def test_options_that_there_are_not_are_answered_by_those_that_there_are(name):
    pytest.importorskip("torch")
    import comixup.torch as of_tensors

    for module in (comixup, of_tensors):
        if not hasattr(module, name):
            continue
        mixer = getattr(module, name)
        known = ", ".join(inspect.signature(mixer).parameters)
        with pytest.raises(TypeError, match=f"^{name} has no option 'size'.*It has {known}[.]$"):
            mixer(**({"mixers": []} if name == "RandomChoice" else {}), size=3)
        with pytest.raises(TypeError, match=f"{name} takes its options by name, e.g. "):
            mixer(*[1] * 3)


def test_options_of_the_published_program_are_pointed_to():
    for old, new in (("m_part", "group_size"), ("m_thres", "threshold"), ("m_block_num", "grid"),
                     ("efort", "effort")):  # fmt: skip
        with pytest.raises(TypeError, match=f"has no option '{old}'. Did you mean '{new}'"):
            comixup.CoMixup(**{old: 3})
    with pytest.raises(TypeError, match="Did you mean 'alpha'"):
        comixup.CutMix(cutmix_alpha=1.0)
