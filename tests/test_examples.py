"""The scripts in docs/examples run; on random data, unless their data are installed packages."""

import os
import pathlib
import runpy

import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="minutes without the JIT"
)

EXAMPLES = sorted((pathlib.Path(__file__).parents[1] / "docs" / "examples").glob("*.py"))
NEEDS = {
    "segmentation": ["skimage"],
    "keras_training": ["torch", "keras"],
    "photo_summary": ["matplotlib", "skimage", "sklearn"],
    "sensors_already_there": ["matplotlib"],
    "timm_training": ["torch", "torchvision.ops", "timm"],
    "transformers_training": ["torch", "accelerate", "transformers"],
    "accelerate_training": ["torch", "accelerate"],
    "ddp_training": ["torch"],
}


@pytest.mark.filterwarnings("ignore:.*copy keyword:DeprecationWarning")  # Keras on torch
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, monkeypatch, capsys, tmp_path):
    if "KERAS_BACKEND" not in os.environ:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    for module in NEEDS.get(path.stem, ()):
        pytest.importorskip(module)
    monkeypatch.delenv("SUBOPT_DATA", raising=False)
    monkeypatch.setenv("EXAMPLE_IMAGES", str(tmp_path))
    runpy.run_path(str(path), run_name="__main__")
    assert "found by" in capsys.readouterr().out
    draws = "EXAMPLE_IMAGES" in path.read_text("utf-8")
    assert draws == any(image.read_bytes()[:4] == b"\x89PNG" for image in tmp_path.iterdir())
