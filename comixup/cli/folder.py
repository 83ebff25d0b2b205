"""`comixup mix`: mix a folder of images, and write images, soft labels and the plan.

Groups are processed one at a time, so that the memory does not depend on the size of the folder.
Everything is written to OUTPUT/.partial, with one record per finished group, and moved to its final
place at the end, labels.csv last. An output is complete if and only if it has a labels.csv; an
interrupted run continues with the first group without a record. Every group has its own random
stream, so that the result does not depend on interruptions.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from comixup._base.atomic import write_bytes
from comixup._base.optional import require
from comixup._base.types import Array
from comixup.cli import workspace
from comixup.cli.dataset import Dataset
from comixup.cli.files import ReadImage, UnreadableImage, read_image
from comixup.cli.results import Record, write_results
from comixup.mixers.comixup import CoMixup
from comixup.plans.base import salient_parts
from comixup.plans.patches import MixPlan
from comixup.saliency import METHODS
from subopt import __version__
from subopt.executors import in_chunks


class MixFailed(Exception):
    """The run stopped; what was finished is kept."""


class Done(NamedTuple):
    """Counts of a run.

    Attributes
    ----------
    n : int
        Number of mixed images, those of an interrupted run included.
    blank : int
        Number of images without saliency, in this run only.
    alone : int
        Number of images that were not mixed, since their group has no other one.
    unused : int
        Number of images that no mixed image shows.
    """

    n: int
    blank: int
    alone: int
    unused: int


@dataclass(frozen=True)
class Job:
    """All settings of a run; the result depends on all but `threads` and `strict`."""

    dataset: Dataset
    output: Path
    mixer: CoMixup
    seed: int
    saliency: str
    size: tuple[int, int]
    fit: str
    format: str
    shuffle: bool
    threads: int
    strict: bool

    def manifest(self) -> dict[str, Any]:
        """Return the settings that must agree with those of an interrupted run to continue it."""
        m = self.mixer
        names = (
            "group_size", "smoothness", "coupling", "threshold", "levels", "effort", "labels_by",
        )  # fmt: skip
        grid = [m.grid] * 2 if isinstance(m.grid, int) else list(m.grid)
        return {
            "comixup": workspace.FORMAT,
            "version": __version__,
            "input": _printable(self.dataset.folder.resolve()),
            "n_files": len(self.dataset.files),
            "files_sha256": self.dataset.digest(),
            "classes": list(self.dataset.classes),
            **{name: getattr(m, name) for name in names},
            "grid": grid,
            "seed": self.seed,
            "saliency": self.saliency,
            "size": list(self.size),
            "fit": self.fit,
            "format": self.format,
            "shuffle": self.shuffle,
        }

    def order(self) -> Array:
        """Return the order in which files are grouped."""
        n = len(self.dataset.files)
        if not self.shuffle:
            return np.arange(n)
        # Its own key: groups draw from (step, group).
        key = np.random.SeedSequence(self.seed, spawn_key=(0, 0, 1))
        return np.random.default_rng(key).permutation(n)


def run(
    job: Job,
    say: Callable[[str], object],
    progress: Callable[[Iterable[int], int, int], Iterable[int]],
    executor: Any = None,
) -> Done:
    """Process the groups of a job that are left, in a prepared folder.

    `say` gets a line for every file that needs one, `progress` wraps the numbers of the groups that
    are left and gets how many there are and how many are done. With an executor its workers, which
    need to see both folders, mix the groups; the results are the same.
    """
    work = job.output / workspace.PARTIAL
    (work / "images").mkdir(exist_ok=True)
    (work / "groups").mkdir(exist_ok=True)
    order = job.order()
    chunks = np.split(order, range(job.mixer.group_size, len(order), job.mixer.group_size))
    records = list(_finished(work, len(chunks)))
    n_done = sum(len(record.files) for record in records)
    blank = 0
    left = [(g, chunks[g].tolist()) for g in range(len(records), len(chunks))]
    for path in (work / "images").glob("group-*"):  # of workers of an interrupted run
        path.unlink()
    mixed = _here(job, left, say) if executor is None else _elsewhere(job, left, say, executor)
    with closing(mixed):
        for g in progress(range(len(records), len(chunks)), len(chunks), len(records)):
            record, n_blank = next(mixed)
            blank += n_blank
            for j in range(len(record.files)):
                place = work / "images" / workspace.image_name(n_done + j, job.format)
                os.replace(_draft(job, g, j), place)
            write_bytes(_record_path(work, g), record.to_bytes())
            records.append(record)
            n_done += len(record.files)
    if n_done == 0:
        raise MixFailed("none of the images could be read, so there is nothing to mix")
    m = job.mixer
    write_results(job.dataset, job.format, job.size, job.seed, m.labels_by, records, work)
    workspace.finish(job.output)
    alone = sum(len(record.files) == 1 for record in records)
    unused = sum(len(record.files) - np.unique(record.sources).size for record in records)
    return Done(n_done, blank, alone, unused)


def _printable(path: Path) -> str:
    """Return a path as text; bytes that are not UTF-8 are escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _record_path(work: Path, group: int) -> Path:
    return work / "groups" / f"{group:06d}.json"


def _finished(work: Path, n_groups: int) -> Iterator[Record]:
    for g in range(n_groups):
        try:
            yield Record.from_bytes(_record_path(work, g).read_bytes())
        except (FileNotFoundError, json.JSONDecodeError, KeyError):
            return


_Group = tuple[int, list[int]]  # number and files
_Mixed = tuple[Record, int]  # and how many images are blank
_Stream = Generator[_Mixed, None, None]


def _here(job: Job, groups: list[_Group], say: Callable[[str], object]) -> _Stream:
    """Mix groups in this process."""
    for group, chunk in groups:
        yield _mix_group(job, group, chunk, say)


def _elsewhere(
    job: Job, groups: list[_Group], say: Callable[[str], object], executor: Any
) -> _Stream:
    """Mix groups on the workers of an executor."""

    def cut(begin: int, end: int) -> list[_Group]:
        return groups[begin:end]

    for chunk in in_chunks(executor, _mix_groups, len(groups), cut, shared=job):
        for mixed, messages in chunk:
            for message in messages:
                say(message)
            yield mixed


def _mix_groups(job: Job, groups: list[_Group]) -> list[tuple[_Mixed, list[str]]]:
    """Mix some groups on a worker; return what there is to say as well."""
    results = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `comixup.cli.main`
        for group, chunk in groups:
            messages: list[str] = []
            results.append((_mix_group(job, group, chunk, messages.append), messages))
    return results


def _draft(job: Job, group: int, j: int) -> Path:
    """Return where an image is until it is known how many images come before it."""
    return job.output / workspace.PARTIAL / "images" / f"group-{group:06d}-{j}.{job.format}"


def _mix_group(
    job: Job, group: int, chunk: list[int], say: Callable[[str], object]
) -> tuple[Record, int]:
    """Mix one group; return its record, and how many of its images are blank."""
    kept, images, skipped = _read(job, chunk, say)
    if not kept:
        return Record((), skipped, [], float("nan"), group), 0
    batch = np.stack(images)
    maps: Array = METHODS[job.saliency](batch, channels="last")
    blank = np.flatnonzero(~maps.any(axis=(1, 2)))
    for i in blank:
        say(f"{job.dataset.files[kept[i]]}: blank, all of it counts as equally salient")
    plan: MixPlan = job.mixer.plan(maps, rng=job.seed, first_group=group)
    mixed = plan.apply(batch, channels="last")
    Image = require("PIL.Image", "comixup mix")
    options = {"quality": 95} if job.format == "jpg" else {}
    paths = [_draft(job, group, j) for j in range(len(kept))]

    def write(pair: tuple[Array, Path]) -> None:
        Image.fromarray(pair[0]).save(pair[1], **options)

    with ThreadPoolExecutor(job.threads) as pool:
        list(pool.map(write, zip(mixed, paths, strict=True)))
    sources, energy = plan.sources.tolist(), float(plan.energies[0])
    salient = None
    if job.mixer.labels_by == "saliency":
        salient = salient_parts(maps, len(maps), maps.shape[1:], plan.grid).tolist()
    return Record(tuple(kept), skipped, sources, energy, group, salient), len(blank)


def _read(
    job: Job, chunk: list[int], say: Callable[[str], object]
) -> tuple[list[int], list[Array], tuple[tuple[int, str], ...]]:
    """Return the numbers of files that were read, their pixels, and what was skipped, and why."""

    def read(i: int) -> ReadImage | UnreadableImage:
        try:
            return read_image(job.dataset.folder / job.dataset.files[i], job.size, job.fit)
        except UnreadableImage as error:
            return error

    with ThreadPoolExecutor(job.threads) as pool:
        results = list(pool.map(read, chunk))
    kept, images, skipped = [], [], []
    for i, result in zip(chunk, results, strict=True):
        file = job.dataset.files[i]
        if isinstance(result, UnreadableImage):
            if job.strict:
                raise MixFailed(f"{file}: {result}. Stopped, as --strict says.")
            say(f"{file}: {result}; skipped")
            skipped.append((i, str(result)))
            continue
        for note in result.notes:
            say(f"{file}: {note}")
        kept.append(i)
        images.append(result.pixels)
    return kept, images, tuple(skipped)
