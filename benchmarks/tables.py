"""Tables of measured numbers: benchmarks record them in one file, all texts are written from it.

    python benchmarks/graph_cuts_grid.py --only families --record   # measures and records
    python benchmarks/tables.py                                     # writes README.md, docs/*.md

`docs/numbers.json` has the tables by name. A text holds a table between the lines
``<!-- numbers: NAME -->`` and ``<!-- end -->``, and a single cell within a sentence between
``<!-- number: NAME; ROW; COLUMN -->`` and ``<!-- end -->``, by the first cell of its row and the
head of its column. A test compares them, so that no text shows another number than the one that was
measured last. Numbers that are in no table of a text are in the table `sentences`.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Sequence

ROOT = pathlib.Path(__file__).parents[1]
NUMBERS = ROOT / "docs" / "numbers.json"
BLOCK = re.compile(r"<!-- numbers: (\S+) -->\n.*?<!-- end -->", re.DOTALL)
CELL = re.compile(r"<!-- number: (.*?); (.*?); (.*?) -->.*?<!-- end -->")


def record(name: str, command: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Keep a table in the file of numbers, in place of the one that has this name."""
    tables = json.loads(NUMBERS.read_text(encoding="utf-8"))
    tables[name] = {"command": command, "columns": list(columns), "rows": [list(r) for r in rows]}
    NUMBERS.write_text(dumped(tables), encoding="utf-8")


def dumped(tables: dict[str, dict[str, object]]) -> str:
    """Return the text of the file: one line per row, so that differences can be read."""
    parts = []
    for name, table in sorted(tables.items()):
        lines = [f'  "{name}": {{', f'    "command": {json.dumps(table["command"])},']
        lines += [f'    "columns": {json.dumps(table["columns"], ensure_ascii=False)},']
        rows = [f"      {json.dumps(row, ensure_ascii=False)}" for row in table["rows"]]
        lines += ['    "rows": [', ",\n".join(rows), "    ]", "  }"]
        parts.append("\n".join(lines))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def table(name: str) -> str:
    """Return a recorded table as Markdown."""
    found = json.loads(NUMBERS.read_text(encoding="utf-8"))[name]
    lines = [found["columns"], ["---"] * len(found["columns"]), *found["rows"]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(name: str, row: str, column: str) -> str:
    """Return one number of a recorded table; backticks of rows and columns may be left out."""
    found = json.loads(NUMBERS.read_text(encoding="utf-8"))[name]
    at = [head.replace("`", "") for head in found["columns"]].index(column)
    (line,) = [line for line in found["rows"] if line[0].replace("`", "") == row]
    return str(line[at])


def _marked(found: re.Match[str], content: str) -> str:
    return f"{found[0].partition('-->')[0]}-->{content}<!-- end -->"


def texts() -> Iterator[tuple[pathlib.Path, str, str]]:
    """Yield every text with numbers: its path, what it says, and what it should say."""
    docs = ROOT / "docs"
    for path in [ROOT / "README.md", *sorted(docs.glob("*.md")), *sorted(docs.glob("*/*.md"))]:
        text = path.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda m: _marked(m, f"\n{table(m[1])}\n"), text)
        new = CELL.sub(lambda m: _marked(m, cell(*m.groups())), new)
        yield path, text, new


if __name__ == "__main__":
    for path, old, new in texts():
        if old != new:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))
