"""No text shows another number than the one that was recorded."""

import json
import re

import pytest
import tables

MEASURED = re.compile(
    r"\d[\d.]*(?: to \d[\d.]*)? (?:ms|s|seconds|minutes|hours|MB|GB)\b|\d times (?:as|the)\b"
)
# numbers that nothing measures: constants of the code, estimates, limits that a person chose
CHOSEN = {
    "executors.md": {"1 MB", "0.2 s", "2 s", "3 ms", "15 s"},
    "maximization.md": {"30 seconds"},
    "results.md": {"38 minutes", "0 times as"},
}


@pytest.mark.parametrize(
    ("path", "old", "new"), list(tables.texts()), ids=lambda p: getattr(p, "name", "")
)
def test_texts_hold_the_recorded_tables(path, old, new):
    assert old == new, f"{path.name} differs: python benchmarks/tables.py"


def test_every_recorded_table_is_shown_and_its_rows_are_complete():
    recorded = json.loads(tables.NUMBERS.read_text(encoding="utf-8"))
    shown = {name for _, text, _ in tables.texts() for name in tables.BLOCK.findall(text)}
    cells = {found for _, text, _ in tables.texts() for found in tables.CELL.findall(text)}
    assert shown | {name for name, _, _ in cells} == set(recorded)
    assert {row for name, row, _ in cells if name == "sentences"} == {
        row[0] for row in recorded["sentences"]["rows"]
    }
    for name, table in recorded.items():
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}, name


@pytest.mark.parametrize(
    ("path", "text"),
    [(path, text) for path, text, _ in tables.texts()],
    ids=lambda p: getattr(p, "name", ""),
)
def test_no_text_has_a_measured_number_of_its_own(path, text):
    for marked in (tables.BLOCK, tables.CELL, re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)):
        text = marked.sub("", text)
    # tables of the results of training are made from the runs by examples/experiments.py
    prose = [line for line in text.splitlines() if not line.startswith("|")]
    found = {number for line in prose for number in MEASURED.findall(line)}
    assert found <= CHOSEN.get(path.name, set()), "record it, and show it as `tables.CELL` says"


def test_recording_replaces_one_table_and_leaves_the_others(monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "NUMBERS", tmp_path / "numbers.json")
    tables.NUMBERS.write_text("{}", encoding="utf-8")
    tables.record("a", "python a.py", ["x", "y"], [["1", "2"], ["3", "é"]])
    tables.record("b", "python b.py", ["z"], [["4"]])
    before = tables.table("a")
    tables.record("b", "python b.py", ["z"], [["5"]])
    assert tables.table("a") == before == "| x | y |\n| --- | --- |\n| 1 | 2 |\n| 3 | é |"
    assert tables.table("b").endswith("| 5 |")
