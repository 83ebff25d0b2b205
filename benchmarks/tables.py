"""Tables of measured numbers: benchmarks record them in one file, all texts are written from it.

    python benchmarks/graph_cuts_grid.py --only families --record   # measures and records
    python benchmarks/tables.py                                     # writes README.md, docs/*.md

`docs/numbers.json` has the tables by name. A text holds a table between the lines
``<!-- numbers: NAME -->`` and ``<!-- end -->``; a test compares the two, so that no text shows
another number than the one that was measured last.
"""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator, Sequence

ROOT = pathlib.Path(__file__).parents[1]
NUMBERS = ROOT / "docs" / "numbers.json"
BLOCK = re.compile(r"<!-- numbers: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


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


def texts() -> Iterator[tuple[pathlib.Path, str, str]]:
    """Yield every text with tables: its path, what it says, and what it should say."""
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        text = path.read_text(encoding="utf-8")
        yield (
            path,
            text,
            BLOCK.sub(
                lambda m: f"{m[0].partition('-->')[0]}-->\n{table(m[1])}\n<!-- end -->", text
            ),
        )


if __name__ == "__main__":
    for path, old, new in texts():
        if old != new:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))
