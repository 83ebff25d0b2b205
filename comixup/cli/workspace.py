"""The output folder of `comixup mix`: fresh, interrupted, complete, or somebody else's."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from comixup._base.atomic import write_bytes
from comixup.cli.dataset import UsageError

FORMAT = 1
PARTIAL = ".partial"
MANIFEST = "comixup.json"
COMPLETE = "labels.csv"  # moved to its place last
_RESULTS = ("inputs.csv", "plan.npz", MANIFEST, COMPLETE)
_IMAGE = re.compile(r"\d{6,}\.(png|jpg)")


def image_name(output: int, image_format: str) -> str:
    """Return the file name of an output."""
    return f"{output:06d}.{image_format}"


def prepare(output: Path, manifest: dict[str, Any], *, force: bool) -> str:
    """Make `output` ready for a run, or say why not.

    Returns
    -------
    str
        "fresh", "resumed", or "complete" if the same run has finished there already.

    Raises
    ------
    UsageError
        If the folder holds anything that the run would overwrite and `force` does not allow it.
    """
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file, not a folder")
    work = output / PARTIAL
    if force:
        remove_earlier_run(output)
    partial, complete = _read(work / MANIFEST), _read(output / MANIFEST)
    if partial is not None:
        _require_same(partial, manifest, output, "an interrupted run")
        return "resumed"
    if complete is not None and (output / COMPLETE).exists():
        _require_same(complete, manifest, output, "the result of a run")
        return "complete"
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()  # interrupted before it began
    if output.exists() and any(output.iterdir()) and not force:
        raise UsageError(f"{output} is not empty, and not by comixup. Choose another folder.")
    work.mkdir(parents=True)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    write_bytes(work / MANIFEST, text.encode())
    return "fresh"


def finish(output: Path) -> None:
    """Move the results out of the work folder, the one that marks completeness last."""
    work = output / PARTIAL
    for name in ("images", *_RESULTS):
        if name == MANIFEST:  # stays in both until the end: it is what makes a run resumable
            write_bytes(output / name, (work / name).read_bytes())
        elif (work / name).exists() and not (name == "images" and _moved(output, work)):
            os.replace(work / name, output / name)
    shutil.rmtree(work)


def _moved(output: Path, work: Path) -> bool:
    """Say whether images have their place already, and an empty folder was made in resuming."""
    return (output / "images").exists() and not any((work / "images").iterdir())


def remove_earlier_run(output: Path) -> None:
    """Remove what an earlier run wrote to `output`, and nothing else."""
    if not output.exists() or not any(output.iterdir()):
        return
    if _read(output / PARTIAL / MANIFEST) is None and _read(output / MANIFEST) is None:
        raise UsageError(
            f"{output} is not empty, and not by comixup, so --force leaves it alone. Choose "
            "another folder."
        )
    images = output / "images"
    ours = sorted(images.iterdir()) if images.is_dir() else []
    foreign = [path for path in ours if not _IMAGE.fullmatch(path.name)]
    if foreign:
        raise UsageError(f"{foreign[0]} is not by comixup: move it elsewhere, then use --force.")
    for path in (output / COMPLETE, *ours, output / "inputs.csv", output / "plan.npz"):
        path.unlink(missing_ok=True)  # what marks completeness goes first
    if images.is_dir():
        images.rmdir()
    if (output / PARTIAL).is_dir():
        shutil.rmtree(output / PARTIAL)
    (output / MANIFEST).unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and "comixup" in manifest else None


def _require_same(found: dict[str, Any], wanted: dict[str, Any], output: Path, what: str) -> None:
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    if keys:
        first = "; ".join(
            "the input files changed"
            if key == "files_sha256"
            else f"{key} was {found.get(key)!r}, now {wanted.get(key)!r}"
            for key in keys[:3]
        )
        raise UsageError(
            f"{output} holds {what} with other settings or inputs ({first}). Use the same, choose "
            "another folder, or say --force to remove it and begin again."
        )
