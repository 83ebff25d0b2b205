"""Read an image file as RGB pixels of a given size, with a note on every conversion."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

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
            image = _as_rgb(_upright(file), notes)
    except Image.DecompressionBombError as error:
        raise UnreadableImage(f"huge: {error}") from error
    except Image.UnidentifiedImageError as error:
        raise UnreadableImage("not an image that Pillow can read") from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise UnreadableImage(f"cannot be opened: {error.strerror}") from error
    except UnreadableImage:
        raise
    except Exception as error:  # decoders of damaged data raise whatever there is
        what = f"{error}" or type(error).__name__
        raise UnreadableImage(f"damaged or truncated: {what}") from error
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
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise UnreadableImage(
                f"32-bit integers from {values.min()} to {values.max()} have no agreed range; "
                "convert it to 8 or 16 bits first"
            )
        # cameras and scanners store 8 or 12 bits in files of 16: read as 16, they are black
        bits = next(b for b in (8, 12, 16) if values.max() < 2**b)
        within = "" if bits == 16 else f"{bits} bits in a "
        reduced = "" if bits == 8 else "reduced to 8 bits, "
        notes.append(f"{within}16-bit gray: {reduced}made RGB")
        full = 2**bits - 1
        return Image.fromarray(((255 * values + full // 2) // full).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        notes.append("transparency: placed on white")
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    if image.mode in ("L", "1"):
        notes.append("gray: made RGB")
    elif image.mode != "P":  # a palette is a way to store RGB, nothing to report
        notes.append(f"{image.mode}: converted to RGB")
    return image.convert("RGB")


def _upright(image: PILImage) -> PILImage:
    """Return the picture as its orientation says; unlike in Pillow, nothing is written to EXIF."""
    Transpose = require("PIL.Image", "comixup mix").Transpose
    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: PILImage) -> Any:
    try:
        return image.getexif().get(0x0112, 1)
    except Exception:  # damaged metadata: the picture is there all the same
        return 1


def _crop(size: tuple[int, int], target: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the largest centered box of the target's aspect: left, top, right, bottom."""
    width, height = size
    scale = min(width / target[1], height / target[0])
    w, h = target[1] * scale, target[0] * scale
    left, top = max(0.0, (width - w) / 2), max(0.0, (height - h) / 2)  # w may round up
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
                turned = _orientation(file) in (5, 6, 7, 8)  # sides are swapped
                sizes[file.size if turned else file.size[::-1]] += 1
        except Exception:  # what cannot be read is told when it is its turn
            continue
    if sizes:
        size, count = sizes.most_common(1)[0]
        if 2 * count > sizes.total() and size[0] * size[1] <= MAX_PIXELS:
            return size
    return default


class Found(NamedTuple):
    """The files below a folder.

    Attributes
    ----------
    images, others : list of str
        Regular files, as sorted relative posix paths.
    messages : list of str
        Files that were left out, and the reasons.
    """

    images: list[str]
    others: list[str]
    messages: list[str]


def walk_images(folder: Path) -> Found:
    """Return image files and other files below `folder`.

    Names that begin with a dot are left out silently; folders that cannot be read, or link to a
    folder that they are in, links to nothing, pipes and the like, and names that are not UTF-8
    with a message. Other links are followed.
    """
    found = Found([], [], [])
    _walk(folder, "", {folder.resolve()}, found)
    return Found(sorted(found.images), sorted(found.others), found.messages)


def _walk(folder: Path, prefix: str, above: set[Path], found: Found) -> None:
    try:
        entries = sorted(os.scandir(folder / prefix), key=lambda entry: entry.name)
    except OSError as error:
        found.messages.append(f"{prefix or folder}: cannot be read ({error.strerror}), left out")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        name = f"{prefix}/{entry.name}" if prefix else entry.name
        shown = os.fsencode(name).decode("utf-8", "backslashreplace")
        if shown != name:
            found.messages.append(f"{shown}: the name is not UTF-8, left out; rename it")
            continue
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            reason = "is a link to nothing" if entry.is_symlink() else f"{error.strerror}"
            found.messages.append(f"{name}: {reason}, left out")
            continue
        if stat.S_ISDIR(mode):
            real = Path(entry.path).resolve()
            if real in above:
                found.messages.append(f"{name}: links to a folder that it is in, left out")
            else:
                _walk(folder, name, above | {real}, found)
        elif not stat.S_ISREG(mode):
            found.messages.append(f"{name}: not a regular file, left out")
        else:
            is_image = Path(name).suffix.lower() in EXTENSIONS
            (found.images if is_image else found.others).append(name)
