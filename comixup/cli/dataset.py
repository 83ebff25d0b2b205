"""A folder of labeled images: its files, and the class of each."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    skipped: tuple[tuple[str, str], ...] = ()  # what a table names but cannot be used, and why

    def digest(self) -> str:
        """Return a hash that changes when a file, its size, its time or its label does."""
        sha = hashlib.sha256()
        for file, label in zip(self.files, self.labels, strict=True):
            try:
                status = (self.folder / file).stat()
                found = (status.st_size, status.st_mtime_ns)
            except OSError:  # removed since it was listed
                found = (-1, -1)
            sha.update(repr((file, self.classes[label], *found)).encode())
        for row in self.skipped:
            sha.update(repr(row).encode())
        return sha.hexdigest()


def from_subfolders(folder: Path) -> Dataset:
    """List images whose class is the first folder of their path."""
    images, messages = _walk(folder)
    loose = [file for file in images if "/" not in file]
    messages += [f"{file}: is in no class folder, left out" for file in loose]
    files = [file for file in images if "/" in file]
    if files and all(file.count("/") > 1 for file in files):
        inner = files[0].rpartition("/")[0]
        messages.append(
            f"the classes are the first folders, such as {files[0].split('/', 1)[0]}; all images "
            f"lie deeper, such as in {inner}: if classes are there, mix the folders above them"
        )
    if not files:
        raise UsageError(
            f"{folder} has no class folders with images in them"
            f"{f', but {len(loose)} images at its top' if loose else ''}. Put the images of every "
            "class into a folder of its own, or give their classes with --labels FILE.csv."
        )
    return _dataset(folder, {file: file.split("/", 1)[0] for file in files}, messages, {})


def from_csv(folder: Path, path: Path) -> Dataset:
    """List images that a CSV file with the columns ``file,label`` names.

    Semicolons, tabs and bars separate columns as well, a first line such as ``sep=;`` says by what,
    and UTF-16 is read if it begins with its mark: so spreadsheets write tables. Rows that cannot be
    used are skipped.
    """
    images, messages = _walk(folder, but=path)
    label_of: dict[str, str] = {}
    skipped: dict[str, str] = {}
    try:
        reader, above = _reader(path)
        for row in reader:
            where = f"{path.name}, line {above + reader.line_num}"
            try:
                file, label = _csv_row(row, folder)
                if label_of.setdefault(file, label) != label:
                    reason = f"labeled {label}, but {label_of[file]} further up"
                    raise _UnusableRow(file, reason)
            except _UnusableRow as error:
                if error.file:
                    skipped[error.file] = f"{error} ({where})"
                else:
                    skipped[where] = str(error)
    except csv.Error as error:
        raise UsageError(f"{path} cannot be read: {error}; is a quote not closed?") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
    unlabeled = [file for file in images if file not in label_of and file not in skipped]
    if unlabeled:
        messages.append(f"{_some(unlabeled)}: not in {path.name}, left out")
    label_of = {file: label for file, label in label_of.items() if file not in skipped}
    if skipped and not label_of:
        file, reason = next(iter(skipped.items()))
        raise UsageError(f"{path} has no row that can be used. The first one: {file}: {reason}")
    if not label_of:
        raise UsageError(f"{path} has no lines below its header")
    return _dataset(folder, label_of, messages, skipped)


def _reader(path: Path) -> tuple[csv.DictReader[str], int]:
    """Return a reader that begins with the names of the columns, and how many lines are above."""
    data = path.read_bytes()
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = data.decode("utf-16" if wide else "utf-8-sig")
    head = _HEAD.match(text)
    assert head is not None  # it matches nothing, too
    above = len(head[0].splitlines())
    lines = io.StringIO(text[head.end() :], newline="")
    found: list[str] = []
    named = head[1] if head[1] and head[1] not in ' "' else None  # others cannot separate
    for separator in dict.fromkeys([named or ",", *",;\t|"]):
        lines.seek(0)
        reader = csv.DictReader(lines, skipinitialspace=True, delimiter=separator)
        names = [name.strip() for name in reader.fieldnames or ()]
        lower = [name.lower() for name in names]
        if len(names) > len(found):
            found = names
        if {"file", "label"} <= set(lower):
            twice = [column for column in ("file", "label") if lower.count(column) > 1]
            if twice:
                raise UsageError(f"{path} has more than one column {twice[0]}: rename the others")
            reader.fieldnames = lower
            return reader, above
    missing = [c for c in ("file", "label") if c not in [name.lower() for name in found]]
    raise UsageError(
        f"{path} needs a first line that names the columns file and label; it lacks "
        f"{' and '.join(missing)} (it has {', '.join(found or ['none'])})"
    )


# empty lines, and the line by which Excel says what separates columns
_HEAD = re.compile(
    r'(?:[ \t]*(?:\r\n|\r|\n))*(?:"?sep=([^\r\n])"?[ \t]*(?:\r\n|\r|\n))?', re.IGNORECASE
)


class _UnusableRow(Exception):
    """A row of a table cannot be used: the file that it names, if it names one, and the reason."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(reason)
        self.file = file


def _csv_row(row: dict[str, Any], folder: Path) -> tuple[str, str]:
    file, label = ((row[column] or "").strip() for column in ("file", "label"))
    if not file:
        raise _UnusableRow("", "file is empty")
    relative = Path(file)
    file = relative.as_posix()
    if not label:
        raise _UnusableRow(file, "label is empty")
    if "\0" in label:
        raise _UnusableRow(file, "the label has a zero byte")
    if "\n" in label or "\r" in label:
        raise _UnusableRow(file, "the label has several lines; is a quote not closed?")
    if any(cell.strip() for cell in row.get(None, ())):  # type: ignore[call-overload]
        raise _UnusableRow(
            file, "more cells than in the first line; put a label with separators into quotes"
        )
    if relative.is_absolute() or ".." in relative.parts:
        raise _UnusableRow(file, f"needs to be a path inside {folder}, relative to it")
    file = _as_on_disk(folder, file)
    try:
        mode = (folder / file).stat().st_mode
    except FileNotFoundError:
        way = "; folders are separated by /" if "\\" in file else ""
        raise _UnusableRow(file, f"does not exist{way}") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        raise _UnusableRow(file, getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISREG(mode):
        raise _UnusableRow(file, f"is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}")
    return file, label


def _as_on_disk(folder: Path, file: str) -> str:
    """Return a name with its accents as the folder has them: one character, or two as on a Mac."""
    forms = (file, unicodedata.normalize("NFC", file), unicodedata.normalize("NFD", file))
    # unlike Path.exists, it raises nothing for names that no file can have
    return next((form for form in forms if os.path.exists(folder / form)), file)


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


def _dataset(
    folder: Path, label_of: dict[str, str], messages: list[str], skipped: dict[str, str]
) -> Dataset:
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
        tuple(skipped.items()),
    )
