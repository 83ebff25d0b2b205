"""What `comixup mix` reads: images of every kind and size, damaged ones, tables of labels."""

import os
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mixed_folders import Image, eleven, mix, picture, pixels_of, read_csv
from test_comixup_mixer import shuffling_solver

from comixup import MixPlan
from comixup.cli import dataset, files
from comixup.mixers import comixup as mixer


@pytest.fixture(autouse=True)
def any_labeling(monkeypatch):
    """In this process groups are mixed at random: the solver may well leave images alone."""
    monkeypatch.setattr(mixer, "minimize_many", shuffling_solver)


@pytest.fixture
def photos(tmp_path):
    return eleven(tmp_path / "photos")


def write_bad_files(source):
    """One of each kind, with what is to be said of it."""
    a = source / "a"
    (a / "text.jpg").write_text("hello", encoding="utf-8")
    (a / "empty.png").write_bytes(b"")
    picture(1, (200, 200)).save(a / "whole.png")
    data = (a / "whole.png").read_bytes()
    (a / "cut.png").write_bytes(data[: len(data) // 2])
    picture(1, mode="L").save(a / "gray.png")
    picture(1, mode="RGBA").save(a / "clear.png")
    picture(1, mode="LA").save(a / "grayclear.png")
    picture(1, mode="CMYK").save(a / "print.tif")
    frames = [picture(k) for k in range(3)]
    frames[0].save(a / "moving.gif", save_all=True, append_images=frames[1:])
    Image.new("1", (12000, 9000)).save(a / "huge.png")
    Image.new("1", (20000, 10000)).save(a / "bomb.png")
    deep = np.random.default_rng(0).integers(0, 65536, (24, 20)).astype(np.uint16)
    Image.fromarray(deep).save(a / "deep.png")
    Image.fromarray(np.ones((24, 20), dtype=np.float32)).save(a / "float.tif")
    Image.new("RGB", (20, 24), "red").save(a / "blank.png")
    return {
        "text.jpg": "not an image that Pillow can read; skipped",
        "empty.png": "skipped",
        "cut.png": "damaged or truncated",
        "gray.png": "gray: made RGB",
        "clear.png": "transparency: placed on white",
        "grayclear.png": "transparency: placed on white",
        "print.tif": "CMYK: converted to RGB",
        "moving.gif": "3 frames: the first is used",
        "huge.png": "huge, 12000x9000 pixels",
        "bomb.png": "huge",
        "deep.png": "16-bit gray: reduced to 8 bits",
        "float.tif": "no agreed range",
        "blank.png": "blank, all of it counts as equally salient",
    }


def test_every_kind_of_bad_file_is_named(photos, tmp_path, capsys):
    expected = write_bad_files(photos)
    (photos / "notes.txt").write_text("x", encoding="utf-8")
    picture(1).save(photos / "loose.png")
    out = tmp_path / "out"
    assert mix(photos, out) == 0
    captured = capsys.readouterr()
    for name, what in expected.items():
        lines = [line for line in captured.err.splitlines() if line.startswith(f"a/{name}:")]
        assert lines, f"nothing about {name}"
        assert any(what in line for line in lines), lines
    assert "notes.txt: no image by name" in captured.err
    assert "loose.png: is in no class folder" in captured.err
    assert "6 skipped" in captured.out
    used = {row["file"] for row in read_csv(out / "inputs.csv")}
    assert not used & {
        f"a/{n}" for n in ("text.jpg", "empty.png", "cut.png", "huge.png", "bomb.png")
    }
    assert len(used) == len(read_csv(out / "labels.csv")) == len(list((out / "images").iterdir()))


def test_strict_stops_at_the_first(photos, tmp_path, capsys):
    (photos / "a" / "text.jpg").write_text("hello", encoding="utf-8")
    assert mix(photos, tmp_path / "out", "--strict") == 1
    assert "a/text.jpg: not an image" in capsys.readouterr().err
    assert not (tmp_path / "out" / "labels.csv").exists()


def test_nothing_readable_is_a_failure(tmp_path, capsys):
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "x.png").write_text("hello", encoding="utf-8")
    assert mix(tmp_path / "in", tmp_path / "out") == 1
    assert "nothing to mix" in capsys.readouterr().err


def test_transparent_and_rotated_images_are_what_a_viewer_shows(tmp_path):
    source = tmp_path / "in" / "a"
    source.mkdir(parents=True)
    layer = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    layer.paste((0, 0, 255, 255), (0, 0, 4, 8))
    layer.save(source / "clear.png")
    left_green = Image.new("RGB", (8, 8), "black")
    left_green.paste("lime", (0, 0, 4, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: what is left goes to the top
    left_green.save(source / "turned.png", exif=exif)
    assert mix(tmp_path / "in", tmp_path / "out", "--group", 1) == 0
    inputs = [row["file"] for row in read_csv(tmp_path / "out" / "inputs.csv")]
    shown = {
        file: pixels_of(tmp_path / "out" / "images" / f"{i:06d}.png")
        for i, file in enumerate(inputs)
    }
    np.testing.assert_array_equal(shown["a/clear.png"][:, :4], np.full((8, 4, 3), (0, 0, 255)))
    np.testing.assert_array_equal(shown["a/clear.png"][:, 4:], 255)
    np.testing.assert_array_equal(shown["a/turned.png"][:4], np.full((4, 8, 3), (0, 255, 0)))
    np.testing.assert_array_equal(shown["a/turned.png"][4:], 0)


@pytest.mark.parametrize(
    ("options", "size"),
    [((), (24, 20)), (("--size", "16x12"), (16, 12)), (("--size", "30"), (30, 30))],
)
def test_sizes(photos, tmp_path, options, size):
    picture(50, (60, 90)).save(photos / "a" / "other.png")
    assert mix(photos, tmp_path / "out", *options) == 0
    assert {pixels_of(p).shape[:2] for p in (tmp_path / "out" / "images").iterdir()} == {size}
    assert MixPlan.load(tmp_path / "out" / "plan.npz").spatial == size


def test_images_of_all_sizes_get_the_default(tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    for i in range(4):
        picture(i, (20 + i, 30)).save(tmp_path / "in" / "a" / f"{i}.png")
    assert mix(tmp_path / "in", tmp_path / "out", "--no-shuffle") == 0
    assert MixPlan.load(tmp_path / "out" / "plan.npz").spatial == (224, 224)
    assert [r["file"] for r in read_csv(tmp_path / "out" / "inputs.csv")] == [
        f"a/{i}.png" for i in range(4)
    ]


def test_cropping_keeps_shapes_and_stretching_keeps_all(tmp_path):
    (tmp_path / "in" / "a").mkdir(parents=True)
    wide = Image.new("RGB", (40, 20), "white")
    wide.paste("black", (0, 0, 10, 20))
    wide.save(tmp_path / "in" / "a" / "wide.png")
    for fit, black in (("crop", 0.0), ("stretch", 0.25)):
        assert mix(tmp_path / "in", tmp_path / fit, "--size", 20, "--fit", fit) == 0
        mixed = pixels_of(tmp_path / fit / "images" / "000000.png")
        assert (mixed < 128).mean() == pytest.approx(black, abs=0.02)


@given(*[st.integers(1, 3000) for _ in range(4)])
def test_the_part_that_is_cropped_lies_within_the_picture(width, height, h, w):
    left, top, right, bottom = files._crop((width, height), (h, w))
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (right - left) * h == pytest.approx((bottom - top) * w, rel=1e-9)
    assert right - left == pytest.approx(width) or bottom - top == pytest.approx(height)


@pytest.mark.parametrize("width", [29, 123, 225, 450, 900])
def test_widths_whose_ratio_rounds_up_are_read(width, tmp_path):
    assert 224 * (width / 224) > width
    picture(0, size=(width + 50, width)).save(tmp_path / "x.png")
    assert files.read_image(tmp_path / "x.png", (224, 224), "crop").pixels.shape == (224, 224, 3)
    picture(0, size=(width, width + 50)).save(tmp_path / "x.png")
    assert files.read_image(tmp_path / "x.png", (224, 224), "crop").pixels.shape == (224, 224, 3)


def test_labels_from_a_file(photos, tmp_path, capsys):
    table = photos / "labels.csv"  # may well lie among the images
    rows = [(f"{'abc'[i % 3]}/{i:02d}.png", "tea" if i % 2 else "café") for i in range(10)]
    table.write_text(
        "\ufefflabel,file\n" + "".join(f"{label},{file}\n" for file, label in rows),
        encoding="utf-8",
    )
    assert mix(photos, tmp_path / "out", "--labels", table) == 0
    messages = capsys.readouterr().err.splitlines()
    assert messages == ["b/10.png: not in labels.csv, left out"]
    inputs = {row["file"]: row["label"] for row in read_csv(tmp_path / "out" / "inputs.csv")}
    assert inputs == dict(rows)
    assert {"café", "tea"} < set(read_csv(tmp_path / "out" / "labels.csv")[0])


@pytest.mark.parametrize("separator", [",", ";", "\t", " , "])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_tables_as_spreadsheets_write_them(photos, separator, encoding, newline, tmp_path):
    rows = [("File", "Label"), ("a/00.png", '"cat, big; or\tso"'), ("b/01.png", "10"),
            ("c/02.png", "-2.5"), ("a/03.png", "9")]  # fmt: skip
    table = tmp_path / "t.csv"
    table.write_bytes(newline.join(separator.join(row) for row in rows).encode(encoding))
    found = dataset.from_csv(photos, table)
    assert found.classes == ("-2.5", "9", "10", "cat, big; or\tso")
    assert found.files == ("a/00.png", "a/03.png", "b/01.png", "c/02.png")
    assert found.labels == (3, 1, 2, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n", "lacks file"),
        ("", "lacks file and label"),
        ("file,label\n", "no lines below"),
        ("file,label\na/00.png,\n", r"label is empty \(t.csv, line 2"),
        ("file,label\n,x\n", "line 2: file is empty"),
        ("file,label\na/none.png,x\nb/none.png,x\n", r"a/none.png: does not exist \(t.csv, line 2"),
        ("file,label\na/00.png,sources\n", "collide"),
        (b"file,label\n\xff\xfe,x\n", "UTF-8"),
        ('file,label\na/00.png,"x\n' + 200000 * "y", "is a quote not closed"),
        (None, "cannot be read"),
    ],
)
def test_a_label_file_of_which_nothing_can_be_used(photos, tmp_path, capsys, text, message):
    table = tmp_path / "t.csv"
    if text is not None:
        table.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert mix(photos, tmp_path / "out", "--labels", table) == 2
    error = capsys.readouterr().err
    assert "t.csv" in error or "sources" in error
    assert re.search(message, error), error
    assert not (tmp_path / "out").exists()


UNUSABLE = {
    "b/none.png,x": "b/none.png: does not exist",
    "b\\01.png,x": "b\\01.png: does not exist; folders are separated by /",
    "none/none/00.png,x": "none/none/00.png: does not exist",
    "a/00.png/01.png,x": "a/00.png/01.png: Not a directory",
    f"{'long' * 999}.png,x": "File name too long",
    "circle.png,x": "circle.png: Too many levels",
    "gone.png,x": "gone.png: does not exist",
    "b,x": "b: is a folder",
    "pipe.png,x": "pipe.png: is no regular file",
    "../in/a/00.png,x": "../in/a/00.png: needs to be a path inside",
    "/etc/x.png,x": "/etc/x.png: needs to be a path inside",
    "b/01.png,": "b/01.png: label is empty",
    "b/01.png": "b/01.png: label is empty",
    ",x": "line 4: file is empty",
    "b/01.png,x\nb/01.png,y": "b/01.png: labeled y, but x further up",
    "b/01.png,x,big": "b/01.png: more cells than in the first line",
    'b/01.png,"x\nb/04.png",': "b/01.png: the label has several lines",
    "notes.txt,x": "notes.txt: not an image",
    "torn.png,x": "torn.png: damaged",
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="makes links and a pipe")
@pytest.mark.parametrize("row", UNUSABLE, ids=lambda row: row[:20])
def test_a_row_of_a_label_file_that_cannot_be_used_does_not_stop_the_run(
    photos, tmp_path, capsys, row
):
    (photos / "circle.png").symlink_to("circle.png")
    (photos / "gone.png").symlink_to("nothing.png")
    os.mkfifo(photos / "pipe.png")
    (photos / "notes.txt").write_text("x", encoding="utf-8")
    (photos / "torn.png").write_bytes((photos / "a" / "00.png").read_bytes()[:500])
    table, out = tmp_path / "t.csv", tmp_path / "out"
    table.write_text(f"file,label\na/00.png,x\nc/02.png,y\n{row}\na/03.png,z\n", encoding="utf-8")
    used = {"a/00.png": "x", "c/02.png": "y", "a/03.png": "z"}
    for _ in range(2):  # the second time it is complete
        assert mix(photos, out, "--labels", table) == 0
    captured = capsys.readouterr()
    assert f"{UNUSABLE[row]}" in captured.err
    assert "; 1 skipped" in captured.out
    assert {r["file"]: r["label"] for r in read_csv(out / "inputs.csv")} == used
    skipped = read_csv(out / "skipped.csv")
    assert len(skipped) == 1
    assert UNUSABLE[row].rsplit(": ", 1)[-1] in skipped[0]["reason"]
    assert mix(photos, tmp_path / "strict", "--labels", table, "--strict") == 1
    assert "Stopped, as --strict says" in capsys.readouterr().err
    assert not (tmp_path / "strict" / "labels.csv").exists()


def test_rows_of_a_label_file_that_say_the_same(photos, tmp_path, capsys):
    table = tmp_path / "t.csv"
    rows = "a/00.png,x,\n./a/00.png,x\na//00.png , x\n\nb/01.png,y\n"
    table.write_text(f"file,label\n{rows}", encoding="utf-8")
    assert mix(photos, tmp_path / "out", "--labels", table) == 0
    assert "skipped" not in capsys.readouterr().out
    assert [r["file"] for r in read_csv(tmp_path / "out" / "inputs.csv")].count("a/00.png") == 1


def test_a_file_that_is_removed_after_it_was_listed(photos, tmp_path, capsys, monkeypatch):
    digest = dataset.Dataset.digest

    def later(files):
        (photos / "a" / "00.png").unlink()
        return digest(files)

    monkeypatch.setattr(dataset.Dataset, "digest", later)
    assert mix(photos, tmp_path / "out") == 0
    captured = capsys.readouterr()
    assert "a/00.png: cannot be opened" in captured.err
    assert "1 skipped" in captured.out
