"""No text shows another number than the one that was recorded."""

import json

import pytest
import tables


@pytest.mark.parametrize(
    ("path", "old", "new"), list(tables.texts()), ids=lambda p: getattr(p, "name", "")
)
def test_texts_hold_the_recorded_tables(path, old, new):
    assert old == new, f"{path.name} differs: python benchmarks/tables.py"


def test_every_recorded_table_is_shown_and_its_rows_are_complete():
    recorded = json.loads(tables.NUMBERS.read_text(encoding="utf-8"))
    shown = {name for _, text, _ in tables.texts() for name in tables.BLOCK.findall(text)}
    assert shown == set(recorded)
    for name, table in recorded.items():
        assert {len(row) for row in table["rows"]} == {len(table["columns"])}, name


def test_recording_replaces_one_table_and_leaves_the_others(monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "NUMBERS", tmp_path / "numbers.json")
    tables.NUMBERS.write_text("{}", encoding="utf-8")
    tables.record("a", "python a.py", ["x", "y"], [["1", "2"], ["3", "é"]])
    tables.record("b", "python b.py", ["z"], [["4"]])
    before = tables.table("a")
    tables.record("b", "python b.py", ["z"], [["5"]])
    assert tables.table("a") == before == "| x | y |\n| --- | --- |\n| 1 | 2 |\n| 3 | é |"
    assert tables.table("b").endswith("| 5 |")
