"""Folders of pictures, mixed by the command line, and what is in the result."""

import csv

import numpy as np
import pytest

from comixup.cli import main

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("tqdm")


def picture(seed, size=(24, 20), mode="RGB"):
    height, width = size
    bands = {"RGB": 3, "RGBA": 4, "L": 1, "LA": 2, "CMYK": 4}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze(), mode=mode) if bands in (1, 3) else _merge(pixels, mode)


def _merge(pixels, mode):
    return Image.merge(mode, [Image.fromarray(band) for band in np.moveaxis(pixels, -1, 0)])


def eleven(source):
    """Save eleven images of three classes, 24 x 20, and return their folder."""
    for i in range(11):
        path = source / "abc"[i % 3] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i).save(path)
    return source


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def contents(output):
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*")) if path.is_file()
    }  # fmt: skip


def mix(source, output, *options):
    return main(["mix", str(source), str(output), "--group", "4", *map(str, options)])


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
