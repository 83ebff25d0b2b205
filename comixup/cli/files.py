"""One image file in, RGB pixels of a given size out, with a note for everything that was done."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from comixup._base.optional import require
from comixup._base.types import Array

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

EXTENSIONS = frozenset(
    f".{name}"
    for name in (
        *("avif", "bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm"),
        *("tif", "tiff", "webp"),
    )
)
MAX_PIXELS = 89_478_485  # 256 MiB of RGB: what Pillow takes for an attack beyond
_SAMPLE = 256


class UnreadableImage(Exception):
    """A file cannot be used; the message says why."""


@dataclass(frozen=True)
class ReadImage:
    """Pixels, uint8 (H, W, 3), and what was done to get them."""

    pixels: Array
    notes: tuple[str, ...]


def read_image(path: Path, size: tuple[int, int], fit: str) -> ReadImage:
    """Read a file as RGB of ``size = (height, width)``, upright.

    Raises
    ------
    UnreadableImage
        If it is not an image, is damaged, or has more than `MAX_PIXELS` pixels.
    """
    Image = require("PIL.Image", "comixup mix")
    ImageOps = require("PIL.ImageOps", "comixup mix")
    notes: list[str] = []
    try:
        with Image.open(path) as file:
            if file.width * file.height > MAX_PIXELS:
                raise UnreadableImage(
                    f"huge, {file.width}x{file.height} pixels (limit {MAX_PIXELS})"
                )
            frames = getattr(file, "n_frames", 1)
            if frames > 1:
                notes.append(f"{frames} frames: the first is used")
            # JPEG decodes at a fraction of its size for free; twice the target leaves enough.
            file.draft(None, (2 * max(size), 2 * max(size)))
            file.load()
            image = _as_rgb(ImageOps.exif_transpose(file), notes)
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"huge: {error}") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImage("not an image that Pillow can read") from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UnreadableImage(f"cannot be opened: {error.strerror}") from error
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError) as error:
        raise UnreadableImage(f"damaged or truncated: {error}") from error
    box = _crop(image.size, size) if fit == "crop" else None
    if image.size != size[::-1]:
        image = image.resize(size[::-1], Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    return ReadImage(np.array(image), tuple(notes))


def _as_rgb(image: PILImage, notes: list[str]) -> PILImage:
    Image = require("PIL.Image", "comixup mix")
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise UnreadableImage("32-bit floats have no agreed range; convert it to 8 bits first")
    if image.mode == "I" or image.mode.startswith("I;16"):
        notes.append("16-bit grey: reduced to 8 bits, made RGB")
        values = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        notes.append("transparency: placed on white")
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    if image.mode in ("L", "1"):
        notes.append("grey: made RGB")
    elif image.mode != "P":  # a palette is a way to store RGB, nothing to report
        notes.append(f"{image.mode}: converted to RGB")
    return image.convert("RGB")


def _crop(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the largest centred box of the target's aspect: left, top, right, bottom."""
    width, height = size
    scale = min(width / target[1], height / target[0])
    w, h = target[1] * scale, target[0] * scale
    left, top = (width - w) / 2, (height - h) / 2
    return left, top, min(left + w, width), min(top + h, height)


def common_size(paths: Sequence[Path], default: tuple[int, int]) -> tuple[int, int]:
    """Return the (height, width) that most of the first 256 files share, else `default`.

    Reads headers only.
    """
    Image = require("PIL.Image", "comixup mix")
    sizes: Counter[Any] = Counter()
    for path in paths[:_SAMPLE]:
        try:
            with Image.open(path) as file:
                turned = file.getexif().get(0x0112, 1) >= 5  # orientation: sides are swapped
                sizes[file.size if turned else file.size[::-1]] += 1
        except (OSError, SyntaxError, ValueError, TypeError, Image.DecompressionBombError):
            continue
    if sizes:
        size, count = sizes.most_common(1)[0]
        if 2 * count > sizes.total() and size[0] * size[1] <= MAX_PIXELS:
            return size
    return default


def walk_images(folder: Path) -> tuple[list[str], list[str]]:
    """Return image files and other files below `folder`, sorted, as relative posix paths.

    Names that begin with a dot are left out, and links to folders are not followed.
    """
    images: list[str] = []
    others: list[str] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                path = Path(root, name)
                kind = images if path.suffix.lower() in EXTENSIONS else others
                kind.append(path.relative_to(folder).as_posix())
    return sorted(images), sorted(others)
