"""Make the figures that README.md and the documentation show: python docs/make_figures.py."""

import pathlib
import tempfile

from PIL import Image

from comixup.cli import main

IMAGES = pathlib.Path(__file__).parent / "images"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        picture = pathlib.Path(folder) / "demo.png"
        assert main(["demo", "--out", str(picture)]) == 0
        with Image.open(picture) as image:
            small = image.convert("RGB").resize((1400, round(1400 * image.height / image.width)))
    # a palette is a third of the size, and looks the same at this one
    small.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(IMAGES / "demo.png", optimize=True)
