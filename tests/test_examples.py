"""The scripts in docs/examples run; on random data, unless their data are installed packages."""

import os
import pathlib
import runpy
import sys

import pytest

pytestmark = pytest.mark.skipif(
    os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="minutes without the JIT"
)

EXAMPLES = sorted((pathlib.Path(__file__).parents[1] / "docs" / "examples").glob("*.py"))
NEEDS = {
    "segmentation": ["skimage"],
    "corpus_with_a_budget": ["matplotlib", "sklearn"],
    "features_with_a_size": ["matplotlib", "sklearn"],
    "keras_training": ["torch", "keras"],
    "photo_summary": ["matplotlib", "skimage", "sklearn"],
    "sensors_already_there": ["matplotlib"],
    "timm_training": ["torch", "torchvision.ops", "timm"],
    "transformers_training": ["torch", "accelerate", "transformers"],
    "lightning_training": ["torch", "lightning"],
    "folder_training": ["torch", "PIL", "tqdm"],
    "accelerate_training": ["torch", "accelerate"],
    "ddp_training": ["torch"],
}


@pytest.mark.filterwarnings("ignore:.*copy keyword:DeprecationWarning")  # Keras on torch
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, monkeypatch, capsys, tmp_path):
    picture = tmp_path / "picture.png"
    monkeypatch.setattr(sys, "argv", [str(path), str(picture)])
    if "KERAS_BACKEND" not in os.environ:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    for module in NEEDS.get(path.stem, ()):
        pytest.importorskip(module)
    monkeypatch.delenv("SUBOPT_DATA", raising=False)
    runpy.run_path(str(path), run_name="__main__")
    assert "found by" in capsys.readouterr().out
    assert picture.exists() == ("[PICTURE.png]" in path.read_text("utf-8"))
