"""The ``.npz`` files of plans: written at once or not at all, and checked when they are read."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from comixup._base.atomic import write_file

FORMAT = 1
# what reading a damaged or foreign archive raises, besides the errors of its formats
_DAMAGED = (ValueError, OSError, EOFError, KeyError, NotImplementedError, RuntimeError)


def write(path: str | os.PathLike[str], entries: Mapping[str, Any], *, overwrite: bool) -> None:
    """Write arrays to `path`, by way of a temporary file in the same folder."""
    entries = {"format": np.array(FORMAT), **entries}
    write_file(path, lambda file: np.savez_compressed(file, **entries), overwrite=overwrite)


def read(path: str | os.PathLike[str], kind: str, needed: Sequence[str]) -> dict[str, Any]:
    """Read the arrays of a plan of a kind from `path`, or say why it has none."""
    name = os.fspath(path)
    try:
        with open(name, "rb") as stream:  # ours to close: numpy leaves damaged files open
            file = np.load(stream, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise ValueError("it holds a single array")
            fields = {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise
    except (*_DAMAGED, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{name} is not a comixup plan, or is damaged: {error}") from error
    version = fields.get("format")
    found = str(fields.get("kind", "MixPlan"))
    if version is not None and found != kind and found in ("MixPlan", "BlendPlan", "BoxPlan"):
        raise ValueError(f"{name} holds a {found}, not a {kind}: read it with {found}.load")
    if version is None or any(key not in fields for key in needed):
        missing = [key for key in ("format", *needed) if key not in fields]
        raise ValueError(f"{name} is not a comixup plan: it lacks {', '.join(missing)}")
    if version.shape != () or version != FORMAT:
        raise ValueError(
            f"{name} has plan format {version}, but this version reads format {FORMAT}. Update "
            "comixup, or write the plan again."
        )
    return fields


def not_a_plan(path: str | os.PathLike[str], error: Exception) -> ValueError:
    """Return the error for a file whose arrays are not those of a plan."""
    return ValueError(f"{os.fspath(path)} is not a comixup plan, or is damaged: {error}")
