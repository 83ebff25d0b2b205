"""The state of the output folder of `comixup mix`: new, interrupted, complete, or foreign."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import platform
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from comixup._base.atomic import write_bytes
from comixup.cli.dataset import UsageError

FORMAT = 1
PARTIAL = ".partial"
LOCK = ".comixup.lock"
MANIFEST = "comixup.json"
COMPLETE = "labels.csv"  # moved to its place last
SKIPPED = "skipped.csv"  # only where files were skipped
REPORT, SHEET = "report.html", "contact-sheet.png"  # on request, from what is complete
METADATA = "metadata.csv"  # on request, beside the images
DESKTOP = (".DS_Store", ".directory", "Thumbs.db", "desktop.ini")  # of file managers: no results
_RESULTS = ("inputs.csv", SKIPPED, "plan.npz", MANIFEST, COMPLETE)
_IMAGE = re.compile(r"\d{6,}\.(png|jpg)")


def image_name(output: int, image_format: str) -> str:
    """Return the file name of an output."""
    return f"{output:06d}.{image_format}"


def prepare(output: Path, manifest: dict[str, Any], *, force: bool) -> str:
    """Prepare `output` for a run; raise if this is not possible.

    Returns
    -------
    str
        "fresh", "resumed", or "complete" if the same run has finished there already.

    Raises
    ------
    UsageError
        If the folder holds anything that the run would overwrite and `force` does not allow it.
    """
    _require_folder(output)
    work = output / PARTIAL
    if work.is_dir() and all(_is_temporary(path, MANIFEST) for path in work.iterdir()):
        shutil.rmtree(work)  # interrupted before it began
    if force:
        remove_earlier_run(output)
    partial, complete = _read(work / MANIFEST), _read(output / MANIFEST)
    if complete is not None and (output / COMPLETE).exists():
        _require_same(complete, manifest, output, "the result of a run")
        _require_all_images(output)
        _sweep(output)
        return "complete"
    if partial is not None:
        _require_same(partial, manifest, output, "an interrupted run")
        return "resumed"
    if output.exists() and _entries(output) and not force:
        if complete is not None:
            raise UsageError(
                f"{output} holds what is left of a run that was being removed. Say --force to "
                "remove the rest and begin again."
            )
        raise UsageError(f"{output} has files that comixup did not write. Choose another folder.")
    work.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    write_bytes(work / MANIFEST, text.encode())
    return "fresh"


def _require_all_images(output: Path) -> None:
    """Raise if mixed images, of which there is one per input, or the tables are removed."""
    for name in ("inputs.csv", "plan.npz"):
        if not (output / name).is_file():
            raise UsageError(f"{output} lacks {name}. Say --force to begin again.")
    with open(output / "inputs.csv", newline="", encoding="utf-8") as file:
        n = sum(1 for _ in csv.reader(file)) - 1
    images = output / "images"
    names = os.listdir(images) if images.is_dir() else []
    lost = n - sum(_IMAGE.fullmatch(name) is not None for name in names)
    if lost > 0:
        raise UsageError(
            f"{images} lacks {lost} of {n} mixed images. Say --force to remove the rest and begin "
            "again."
        )


def finish(output: Path) -> None:
    """Move the results out of the work folder; the file that marks completeness is moved last."""
    work = output / PARTIAL
    if (work / "images").exists():
        _move_images(work / "images", output / "images")
    for name in _RESULTS:
        if name == MANIFEST:  # stays in both until the end: it is what makes a run resumable
            write_bytes(output / name, (work / name).read_bytes())
        elif (work / name).exists():
            os.replace(work / name, output / name)
    _sweep(output)


def _sweep(output: Path) -> None:
    """Remove what runs that were killed have left beside complete results."""
    if (output / PARTIAL).is_dir():
        shutil.rmtree(output / PARTIAL)
    for path in output.iterdir():
        if _is_temporary(path, MANIFEST, REPORT, SHEET):
            path.unlink()
    for path in (output / "images").iterdir():
        if _is_temporary(path, METADATA):
            path.unlink()


def _is_temporary(path: Path, *names: str) -> bool:
    """Say whether a file is what `write_file` writes before it has one of these names."""
    of_run = re.fullmatch(r"\.(.+)\.\d+\.tmp", path.name)
    return of_run is not None and of_run[1] in names


def _move_images(source: Path, target: Path) -> None:
    """Move a folder of images; what an interrupted run has moved already stays."""
    if not target.exists():
        os.replace(source, target)
        return
    for path in sorted(source.iterdir()):
        os.replace(path, target / path.name)


@contextlib.contextmanager
def only_run(output: Path) -> Iterator[None]:
    """Lock a folder for one run; a second run gets an error that names the process.

    The lock ends with the process. If the process ends normally, no file is left behind.

    Raises
    ------
    UsageError
        If another run writes to the folder.
    """
    _require_folder(output)
    made = not output.exists()
    path = output / LOCK
    file = _locked(path)
    if file is None:
        holder = ""
        with contextlib.suppress(FileNotFoundError):  # it has just ended
            holder = path.read_text("utf-8", "replace").strip()
        raise UsageError(
            f"{output} is being written by another run ({holder or 'just begun'}). Wait for it, "
            "or choose another folder."
        )
    try:
        file.write(f"process {os.getpid()} on {platform.node() or 'this machine'}".encode())
        file.flush()
        yield
    finally:
        if os.name == "nt":  # Windows removes no file that is open
            file.close()
        path.unlink(missing_ok=True)
        file.close()
        if made:
            with contextlib.suppress(OSError):  # not empty: something was written
                output.rmdir()


def _require_folder(output: Path) -> None:
    """Raise if the output is there and cannot be a folder."""
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file, not a folder")
    if output.is_symlink() and not output.exists():
        raise UsageError(
            f"{output} is a link to nothing: remove it, or make the folder that it links to"
        )


def _locked(path: Path) -> IO[bytes] | None:
    """Return the lock file, locked, or None if somebody else holds it."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            file = open(path, "a+b")  # noqa: SIM115  # held until the run ends
        except FileNotFoundError:
            continue  # another run has removed the folder, which it had made, in between
        try:
            _lock(file)
        except OSError:
            file.close()
            return None
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)
                return file
        except FileNotFoundError:
            pass
        file.close()  # whoever held it has removed it since: take the next one


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def remove_earlier_run(output: Path) -> None:
    """Remove what an earlier run wrote to `output`, and nothing else."""
    if not output.exists() or not _entries(output):
        return
    if _read(output / PARTIAL / MANIFEST) is None and _read(output / MANIFEST) is None:
        raise UsageError(
            f"{output} has files that comixup did not write, so --force removes nothing there. "
            "Choose another folder."
        )
    images = output / "images"
    ours = sorted(images.iterdir()) if images.is_dir() else []
    foreign = [path for path in ours if not _is_ours(path)]
    if foreign:
        raise UsageError(
            f"comixup did not write {foreign[0]}. Move it elsewhere, then use --force."
        )
    own = [output / name for name in ("inputs.csv", SKIPPED, "plan.npz", REPORT, SHEET)]
    own += [path for path in output.iterdir() if _is_temporary(path, MANIFEST, REPORT, SHEET)]
    for path in (output / COMPLETE, *ours, *own):
        path.unlink(missing_ok=True)  # what marks completeness goes first
    if images.is_dir():
        images.rmdir()
    if (output / PARTIAL).is_dir():
        shutil.rmtree(output / PARTIAL)
    (output / MANIFEST).unlink(missing_ok=True)


def _is_ours(path: Path) -> bool:
    """Say whether a file in the folder of images is by comixup."""
    by_name = path.name in (METADATA, *DESKTOP) or _IMAGE.fullmatch(path.name) is not None
    return by_name or _is_temporary(path, METADATA)


def _entries(output: Path) -> list[Path]:
    return [path for path in output.iterdir() if path.name not in (LOCK, *DESKTOP)]


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
