"""Make the figures that README.md and the documentation show: python docs/make_figures.py."""

import pathlib
import tempfile

import numpy as np
from PIL import Image
from skimage import data, segmentation

from comixup.cli import main
from subopt import segment

IMAGES = pathlib.Path(__file__).parent / "images"


def draw_segmentation() -> None:
    """Scribbles on a photograph, and what `segment` makes of them, with colors and without."""
    photo = data.astronaut()[::2, ::2]
    seeds = np.zeros(photo.shape[:2], int)
    seeds[15:17, 10:65] = seeds[15:115, 15:17] = seeds[10:12, 165:245] = seeds[10:130, 235:237] = 1
    seeds[25:27, 95:130] = seeds[35:95, 111:113] = seeds[165:167, 65:165] = 2
    seeds[225:227, 30:220] = 2
    scribbled = photo.copy()
    scribbled[seeds == 1], scribbled[seeds == 2] = (230, 30, 30), (30, 200, 60)
    panels = [scribbled]
    for options in ({}, {"n_components": 0}):
        labels = segment(photo, seeds, connectivity=2, **options).labels
        shown = np.where((labels == 1)[..., None], photo // 4, photo)
        shown[segmentation.find_boundaries(labels, mode="inner")] = (255, 220, 0)
        panels.append(shown)
    Image.fromarray(np.concatenate(panels, axis=1)).save(IMAGES / "segment.png", optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        picture = pathlib.Path(folder) / "demo.png"
        assert main(["demo", "--out", str(picture)]) == 0
        with Image.open(picture) as image:
            small = image.convert("RGB").resize((1400, round(1400 * image.height / image.width)))
    # a palette is a third of the size, and looks the same at this one
    small.quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(IMAGES / "demo.png", optimize=True)
    draw_segmentation()
