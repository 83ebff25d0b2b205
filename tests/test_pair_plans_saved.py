"""Plans of pairs in files."""

import numpy as np
import pytest

from comixup import BlendPlan, BoxPlan, CutMix, InputMixup, MixPlan

IMAGES = np.random.default_rng(0).random((4, 3, 8, 8))
PLANS = {
    "BlendPlan": lambda: InputMixup(mode="elem").mix(IMAGES, rng=2**70, step=3).plan,
    "BoxPlan": lambda: CutMix(mode="elem").mix(IMAGES, rng=2**70, rank=5).plan,
    "table": lambda: BlendPlan([1, 0], [0.25, 1.0], spatial=()),
    "MixPlan": lambda: MixPlan.identity(4, (8, 8)),
}


@pytest.mark.parametrize("name", PLANS)
def test_a_saved_plan_is_the_same_plan(name, tmp_path):
    plan, path = PLANS[name](), tmp_path / "plan.npz"
    plan.save(path)
    again = type(plan).load(path)
    assert vars(again).keys() == vars(plan).keys()
    for field, value in vars(plan).items():
        found = getattr(again, field)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found, value)
            assert found.dtype == value.dtype
        else:
            assert found == value
    with pytest.raises(FileExistsError):
        plan.save(path)
    plan.save(path, overwrite=True)
    for kind in {BlendPlan, BoxPlan, MixPlan} - {type(plan)}:
        with pytest.raises(ValueError, match=rf"holds a {type(plan).__name__}, not a .*\.load"):
            kind.load(path)


def test_files_that_are_no_plan_are_refused(tmp_path):
    path = tmp_path / "plan.npz"
    good = {"format": 1, "kind": "BoxPlan", "spatial": [8, 8], "partner": [1, 0]}
    good |= {"share": [0.5, 1.0], "boxes": [[[0, 4], [0, 8]], [[0, 0], [0, 0]]]}
    np.savez(path, **good)
    assert BoxPlan.load(path).key is None
    for change, match in (
        ({"format": 7}, "format 7"), ({"share": [0.5, 0.5]}, "damaged: share needs"),
        ({"partner": [1, 5]}, "damaged: partner needs"), ({"key": ["a", "0", "0"]}, "damaged"),
        ({"key": ["1", "0"]}, "damaged"), ({"spatial": 8}, "damaged"),
    ):  # fmt: skip
        np.savez(path, **{**good, **change})
        with pytest.raises(ValueError, match=match):
            BoxPlan.load(path)
    np.savez(path, **{k: v for k, v in good.items() if k != "boxes"})
    with pytest.raises(ValueError, match="lacks boxes"):
        BoxPlan.load(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match="damaged"):
        BoxPlan.load(path)
