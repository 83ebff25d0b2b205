"""The files that `comixup mix` writes: labels.csv, inputs.csv, plan.npz and skipped.csv."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from comixup._base.atomic import write_file
from comixup.cli.dataset import Dataset
from comixup.cli.workspace import COMPLETE, METADATA, SKIPPED, image_name
from comixup.plans.base import remembering
from comixup.plans.patches import MixPlan


@dataclass(frozen=True)
class Record:
    """One finished group: the files that were read (by number), and its plan in plain lists.

    Files that were skipped have their number and the reason. Labels by saliency need the part of
    the saliency of each image in every patch.
    """

    files: tuple[int, ...]
    skipped: tuple[tuple[int, str], ...]
    sources: list[Any]
    energy: float
    group: int
    salient: list[Any] | None = None

    def to_bytes(self) -> bytes:
        """Return JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Record:
        """Read what `to_bytes` wrote."""
        fields = json.loads(data)
        skipped = tuple((i, reason) for i, reason in fields["skipped"])
        files = tuple(fields["files"])
        return cls(
            files,
            skipped,
            fields["sources"],
            fields["energy"],
            fields["group"],
            fields.get("salient"),
        )

    def plan(self, spatial: tuple[int, ...], seed: int) -> MixPlan:
        """Return the plan of this group alone."""
        plan = MixPlan(
            np.asarray(self.sources),
            np.array([0, len(self.files)]),
            np.array([self.energy]),
            spatial,
            seed,
            np.array([[0, self.group]]),
        )
        return remembering(plan, None if self.salient is None else np.array(self.salient))


def write_results(
    dataset: Dataset,
    image_format: str,
    size: tuple[int, int],
    seed: int,
    labels_by: str,
    records: Sequence[Record],
    folder: Path,
) -> None:
    """Write labels.csv, inputs.csv, plan.npz and, if files were skipped, skipped.csv."""
    used = [record for record in records if record.files]
    plans = [record.plan(size, seed) for record in used]
    MixPlan.concatenate(plans).save(folder / "plan.npz", overwrite=True)
    files = [i for record in used for i in record.files]
    inputs = (
        (k, dataset.files[i], dataset.classes[dataset.labels[i]]) for k, i in enumerate(files)
    )
    _write_csv(folder / "inputs.csv", ("index", "file", "label"), inputs)
    unread = [(dataset.files[i], reason) for record in records for i, reason in record.skipped]
    skipped = [*dataset.skipped, *unread]
    if skipped:
        _write_csv(folder / SKIPPED, ("file", "reason"), iter(skipped))
    rows = _label_rows(dataset, image_format, labels_by, used, plans)
    _write_csv(folder / "labels.csv", ("file", "sources", *dataset.classes), rows)


def write_metadata(folder: Path) -> Path:
    """Write images/metadata.csv of a complete run: what `datasets` reads as an ImageFolder."""
    path = folder / "images" / METADATA
    with open(folder / COMPLETE, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        _, *columns = next(reader)
        rows = ((name.removeprefix("images/"), *row) for name, *row in reader)
        _write_csv(path, ("file_name", *columns), rows)
    return path


def _label_rows(
    dataset: Dataset,
    image_format: str,
    labels_by: str,
    records: Sequence[Record],
    plans: Sequence[MixPlan],
) -> Iterator[tuple[Any, ...]]:
    output = 0
    for record, plan in zip(records, plans, strict=True):
        classes = np.array([dataset.labels[i] for i in record.files])
        one_hot = np.eye(len(dataset.classes))[classes]
        labels = plan.apply_labels(one_hot, by=labels_by)
        for share, label in zip(plan.shares, labels, strict=True):
            order = [i for i in np.argsort(-share, kind="stable") if share[i] > 0]
            sources = " + ".join(f"{share[i]:.4g} {dataset.files[record.files[i]]}" for i in order)
            yield (f"images/{image_name(output, image_format)}", sources, *map(_number, label))
            output += 1


def _number(value: float) -> str:
    return "0" if value == 0 else repr(float(value))


def _write_csv(path: Path, header: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    def write(file: IO[bytes]) -> None:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(header)
        writer.writerows(rows)
        text.flush()
        text.detach()

    write_file(path, write, overwrite=True)
