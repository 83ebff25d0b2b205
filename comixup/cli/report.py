"""`comixup mix --report --contact-sheet`: a summary of what was mixed, with pictures.

Both are made from the files of a complete run (labels.csv, plan.npz, skipped.csv). Running the same
command again therefore adds them to a folder that is already complete.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np

from comixup._base.atomic import write_bytes, write_file
from comixup._base.optional import require
from comixup.cli import workspace
from comixup.plans.patches import MixPlan

SHOWN = 1000  # outputs on a page
COLUMNS, ROWS = 10, 10  # of a contact sheet
SIDE, CAPTION = 150, 34  # pixels of a thumbnail, and of the two lines below it

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem;
       color: #222; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .15rem 1.2rem .15rem 0; vertical-align: top; }
.group { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
figure { margin: 0; font-size: 12px; overflow-wrap: anywhere; }
figure img { width: 100%; display: block; }
.share { position: relative; margin-top: 2px; padding: 0 .3em; }
.share i { position: absolute; inset: 0 auto 0 0; background: #9cc3e6; z-index: -1; }
"""


class Output(NamedTuple):
    """One mixed image: its file, shares of classes, the largest first, and of files, as text."""

    file: str
    classes: list[tuple[str, float]]
    sources: str


def outputs(folder: Path) -> Iterator[Output]:
    """Read the mixed images of a complete run, in their order."""
    with open(folder / workspace.COMPLETE, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        classes = next(reader)[2:]
        for name, sources, *label in reader:
            shares = [(c, float(x)) for c, x in zip(classes, label, strict=True) if x != "0"]
            yield Output(name, sorted(shares, key=lambda pair: -pair[1]), sources)


def write_report(folder: Path) -> Path:
    """Write a page with settings, groups, energies, pictures, shares and what was skipped."""
    settings = json.loads((folder / workspace.MANIFEST).read_text("utf-8"))
    plan = MixPlan.load(folder / "plan.npz")
    n = len(plan.sources)
    height, width = settings["size"]
    facts = {
        "mixed images": f"{n} of {height}x{width} pixels",
        "groups": f"{len(plan.energies)}, mean energy {plan.energies.mean():.4f}",
        "inputs per mixed image": f"{plan.n_sources.mean():.2f} on average",
    }
    settings = {k: v for k, v in settings.items() if k not in ("files_sha256", "classes")}
    skipped = list(_skipped(folder))
    unused = list(_unused(folder, plan))
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>comixup: {escape(folder.resolve().name)}</title><style>{STYLE}</style>",
        f"<h1>{escape(folder.resolve().name)}</h1>",
        *_table({**facts, "files skipped": str(len(skipped)), "files unused": str(len(unused))}),
        "<details><summary>Settings</summary>",
        *_table({key: json.dumps(value, ensure_ascii=False) for key, value in settings.items()}),
        "</details>",
    ]
    if skipped:
        lines += ["<details open><summary>Skipped</summary>", *_table(dict(skipped)), "</details>"]
    if unused:
        lines += ["<details><summary>Files that no mixed image shows</summary>"]
        lines += [f"<p>{escape(file)}</p>" for file in unused] + ["</details>"]
    if n > SHOWN:
        lines.append(f"<p>The first {SHOWN} mixed images:</p>")
    pictures = outputs(folder)
    for g, (first, last) in enumerate(itertools.pairwise(plan.group_edges.tolist())):
        if first >= SHOWN:
            break
        lines.append(f"<h2>Group {g + 1}: energy {plan.energies[g]:.4f}</h2>")
        lines.append('<div class="group">')
        for output in itertools.islice(pictures, min(last, SHOWN) - first):
            lines += _figure(output)
        lines.append("</div>")
    lines.append("</html>")
    path = folder / workspace.REPORT
    write_bytes(path, "\n".join(lines).encode())
    return path


def _table(rows: dict[str, str]) -> list[str]:
    cells = (f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in rows.items())
    return ["<table>", *cells, "</table>"]


def _figure(output: Output) -> list[str]:
    return [
        f'<figure title="{escape(output.sources)}">',
        f'<img loading="lazy" src="{escape(output.file)}" alt="">{escape(output.file)}',
        *(
            f'<div class="share"><i style="width:{share:.0%}"></i>{escape(name)} {share:.0%}</div>'
            for name, share in output.classes
        ),
        "</figure>",
    ]


def _skipped(folder: Path) -> Iterator[tuple[str, str]]:
    path = folder / workspace.SKIPPED
    if path.exists():
        with open(path, newline="", encoding="utf-8") as file:
            yield from ((row["file"], row["reason"]) for row in csv.DictReader(file))


def _unused(folder: Path, plan: MixPlan) -> Iterator[str]:
    """Yield the files that no output shows."""
    shown = set(np.unique(plan.sources).tolist())
    with open(folder / "inputs.csv", newline="", encoding="utf-8") as file:
        yield from (row["file"] for i, row in enumerate(csv.DictReader(file)) if i not in shown)


def write_contact_sheet(folder: Path) -> Path:
    """Write one picture with the first hundred mixed images and their largest classes."""
    Image = require("PIL.Image", "comixup mix --contact-sheet")
    ImageDraw = require("PIL.ImageDraw", "comixup mix --contact-sheet")
    ImageFont = require("PIL.ImageFont", "comixup mix --contact-sheet")
    shown = list(itertools.islice(outputs(folder), COLUMNS * ROWS))
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    gap = 6
    size = (columns * (SIDE + gap) + gap, rows * (SIDE + CAPTION + gap) + gap)
    sheet = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=12)
    for k, output in enumerate(shown):
        row, column = divmod(k, columns)
        x, y = gap + column * (SIDE + gap), gap + row * (SIDE + CAPTION + gap)
        with Image.open(folder / output.file) as image:
            image.thumbnail((SIDE, SIDE))
            sheet.paste(image, (x + (SIDE - image.width) // 2, y + (SIDE - image.height) // 2))
        for line, (name, share) in enumerate(output.classes[:2]):
            text = _fitting(f"{share:.0%} {name}", font)
            pen.text((x, y + SIDE + 2 + 15 * line), text, fill="black", font=font)
    path = folder / workspace.SHEET
    write_file(path, lambda file: sheet.save(file, format="PNG"), overwrite=True)
    return path


def _fitting(text: str, font: object) -> str:
    """Shorten a text to the width of a thumbnail."""
    while font.getlength(text) > SIDE:  # type: ignore[attr-defined]
        text = text.rstrip("…")[:-1] + "…"
    return text
