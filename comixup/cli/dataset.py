"""A folder of labeled images: its files, and the class of each."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from comixup.cli.files import walk_images


class UsageError(Exception):
    """The arguments of the command are wrong; the message states what to change."""


@dataclass(frozen=True)
class Dataset:
    """Files of a folder (relative, sorted), the class index of each, and the names of classes."""

    folder: Path
    files: tuple[str, ...]
    labels: tuple[int, ...]
    classes: tuple[str, ...]
    messages: tuple[str, ...]  # what was left out, and why

    def digest(self) -> str:
        """Return a hash that changes when a file, its size, its time or its label does."""
        sha = hashlib.sha256()
        for file, label in zip(self.files, self.labels, strict=True):
            stat = (self.folder / file).stat()
            entry = (file, self.classes[label], stat.st_size, stat.st_mtime_ns)
            sha.update(repr(entry).encode())
        return sha.hexdigest()


def from_subfolders(folder: Path) -> Dataset:
    """List images whose class is the first folder of their path."""
    images, messages = _walk(folder)
    loose = [file for file in images if "/" not in file]
    messages += [f"{file}: is in no class folder, left out" for file in loose]
    files = [file for file in images if "/" in file]
    if not files:
        raise UsageError(
            f"{folder} has no class folders with images in them"
            f"{f', but {len(loose)} images at its top' if loose else ''}. Put the images of every "
            "class into a folder of its own, or give their classes with --labels FILE.csv."
        )
    return _dataset(folder, {file: file.split("/", 1)[0] for file in files}, messages)


def from_csv(folder: Path, path: Path) -> Dataset:
    """List images that a CSV file with the columns ``file,label`` names.

    Semicolons and tabs separate columns as well, and UTF-16 is read if it begins with its mark: so
    spreadsheets write tables.
    """
    images, messages = _walk(folder, but=path)
    label_of: dict[str, str] = {}
    try:
        reader = _reader(path)
        for row in reader:
            file, label = _csv_row(row, f"{path}, line {reader.line_num}", folder)
            if label_of.setdefault(file, label) != label:
                raise UsageError(
                    f"{path}, line {reader.line_num}: {file} is labeled {label}, but "
                    f"{label_of[file]} further up. Keep one of the two lines."
                )
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    if not label_of:
        raise UsageError(f"{path} has no lines below its header")
    unlabeled = [file for file in images if file not in label_of]
    if unlabeled:
        messages.append(f"{_some(unlabeled)}: not in {path.name}, left out")
    return _dataset(folder, label_of, messages)


def _reader(path: Path) -> csv.DictReader[str]:
    data = path.read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    lines = io.StringIO(data.decode("utf-16" if wide else "utf-8-sig"), newline="")
    found: list[str] = []
    for separator in (",", ";", "\t"):
        lines.seek(0)
        reader = csv.DictReader(lines, skipinitialspace=True, delimiter=separator)
        names = [name.strip() for name in reader.fieldnames or ()]
        lower = [name.lower() for name in names]
        if len(names) > len(found):
            found = names
        if {"file", "label"} <= set(lower):
            reader.fieldnames = lower
            return reader
    missing = [c for c in ("file", "label") if c not in [name.lower() for name in found]]
    raise UsageError(
        f"{path} needs a first line that names the columns file and label; it lacks "
        f"{' and '.join(missing)} (it has {', '.join(found or ['none'])})"
    )


def _csv_row(row: dict[str, str | None], where: str, folder: Path) -> tuple[str, str]:
    file, label = ((row[column] or "").strip() for column in ("file", "label"))
    if not file or not label:
        raise UsageError(f"{where}: {'label' if file else 'file'} is empty")
    relative = Path(file)
    if relative.is_absolute() or ".." in relative.parts:
        raise UsageError(f"{where}: {file} needs to be a path inside {folder}, relative to it")
    if not (folder / relative).is_file():
        raise UsageError(f"{where}: {folder / relative} does not exist")
    return relative.as_posix(), label


def _walk(folder: Path, but: Path | None = None) -> tuple[list[str], list[str]]:
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder")
    images, others, messages = walk_images(folder)
    if but is not None:
        others = [file for file in others if (folder / file).resolve() != but.resolve()]
    if others:
        messages.append(f"{_some(others)}: no image by name, left out")
    return images, messages


def _by_number(label: str) -> tuple[float, str]:
    """Return what labels are sorted by: numbers come first, by their value."""
    number = re.fullmatch(r"[-+]?\d+(\.\d*)?|[-+]?\.\d+", label, re.ASCII)
    return (float(label), label) if number else (float("inf"), label)


def _some(files: list[str]) -> str:
    shown = ", ".join(files[:3])
    return shown if len(files) <= 3 else f"{shown} and {len(files) - 3} more"


def _dataset(folder: Path, label_of: dict[str, str], messages: list[str]) -> Dataset:
    classes = sorted(set(label_of.values()), key=_by_number)
    reserved = sorted({"file", "sources"} & set(classes))
    if reserved:
        raise UsageError(
            f"the class {reserved[0]!r} would collide with a column of labels.csv: rename it"
        )
    index = {name: k for k, name in enumerate(classes)}
    files = sorted(label_of)
    return Dataset(
        folder,
        tuple(files),
        tuple(index[label_of[file]] for file in files),
        tuple(classes),
        tuple(messages),
    )
