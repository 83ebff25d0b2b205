"""`comixup mix --report --contact-sheet`, and what the command line says while it compiles."""

import html
import re

import pytest
from mixed_folders import Image, contents, eleven, mix, picture, read_csv
from numba.core import event

from comixup import MixPlan
from comixup.cli import folder
from comixup.cli.compiling import announced

BOTH = ("--report", "--contact-sheet")


@pytest.fixture
def photos(tmp_path):
    source = eleven(tmp_path / "photos")
    (source / "<i> & 50%").mkdir()
    picture(11).save(source / "<i> & 50%" / "11 + 12.png")
    (source / "a" / "torn.png").write_bytes(b"no picture")
    return source


def test_the_report_shows_every_output_with_its_shares_and_what_was_skipped(photos, tmp_path):
    out = tmp_path / "out"
    assert mix(photos, out, "--report") == 0
    page = (out / "report.html").read_text("utf-8")
    rows = read_csv(out / "labels.csv")
    shown = re.findall(r'src="([^"]+)"', page)
    assert shown == [row["file"] for row in rows]
    assert len(shown) == 12
    assert all((out / file).is_file() for file in shown)
    assert "<i> &" not in page
    for figure, row in zip(page.split("<figure")[1:], rows, strict=True):
        for name in (name for name in row if name not in ("file", "sources")):
            share = float(row[name])
            said = f"</i>{html.escape(name)} {share:.0%}</div>"
            assert (said in figure) == (share > 0)
        assert html.escape(row["sources"]) in figure
    assert page.count("<h2>Group") == len(MixPlan.load(out / "plan.npz").energies)
    assert read_csv(out / "skipped.csv")[0]["file"] == "a/torn.png"
    assert "a/torn.png" in page.split("<figure")[0]


def test_a_page_ends_with_the_outputs_that_it_promises(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("comixup.cli.report.SHOWN", 6)
    assert mix(photos, tmp_path / "out", "--report") == 0
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert page.count("<figure") == 6
    assert "The first 6 mixed images" in page


def test_the_contact_sheet_has_a_place_for_each_of_the_first_hundred(photos, tmp_path):
    assert mix(photos, tmp_path / "out", "--contact-sheet") == 0
    with Image.open(tmp_path / "out" / "contact-sheet.png") as sheet:
        width, height = sheet.size
        assert sheet.getpixel((6 + 75, 6 + 75)) != (255, 255, 255)
        assert sheet.getpixel((6 + 156 * 5, 200 + 60)) == (255, 255, 255)  # no thirteenth
    assert (width, height) == (10 * 156 + 6, 2 * 190 + 6)


def test_pages_can_be_added_later_change_nothing_and_go_with_the_run(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert mix(photos, out) == 0
    before = contents(out)
    assert mix(photos, out, *BOTH) == 0
    assert "nothing to mix" in capsys.readouterr().out
    after = contents(out)
    assert set(after) - set(before) == {"report.html", "contact-sheet.png"}
    assert {name: after[name] for name in before} == before
    assert mix(photos, out, "--force") == 0
    assert contents(out) == before


def test_what_was_skipped_before_an_interruption_is_still_reported(photos, tmp_path, monkeypatch):
    assert mix(photos, tmp_path / "whole") == 0
    finished, mix_group = [], folder._mix_group

    def stopping(*args):
        if len(finished) == 2:
            raise KeyboardInterrupt
        finished.append(0)
        return mix_group(*args)

    with monkeypatch.context() as patch:
        patch.setattr(folder, "_mix_group", stopping)
        assert mix(photos, tmp_path / "out") == 130
    assert mix(photos, tmp_path / "out") == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_compiling_is_said_once_with_its_seconds():
    lines = []
    with announced(lines.append):
        assert lines == []  # what the cache has is not compiled
        for _ in range(2):
            with event.trigger_event("numba:compile"), event.trigger_event("numba:compile"):
                pass
    assert lines[0] == "compiling for this machine, once"
    assert re.fullmatch(r"compiled in \d+\.\d s; later runs load it from disk", lines[1])
    assert len(lines) == 2
    with announced(lines.append):
        pass
    assert len(lines) == 2
