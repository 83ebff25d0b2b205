"""`comixup mix` and `comixup demo`, by running them: results, bad files, interruptions."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from test_comixup_mixer import shuffling_solver

from comixup import CoMixup, MixPlan, folder, mixer
from comixup.cli import main
from comixup.saliency import local_contrast

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("tqdm")


@pytest.fixture(autouse=True)
def any_labeling(monkeypatch):
    """In this process groups are mixed at random: the solver may well leave images alone."""
    monkeypatch.setattr(mixer, "minimize_many", shuffling_solver)


def picture(seed, size=(24, 20), mode="RGB"):
    height, width = size
    bands = {"RGB": 3, "RGBA": 4, "L": 1, "LA": 2, "CMYK": 4}[mode]
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, bands), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze(), mode=mode) if bands in (1, 3) else _merge(pixels, mode)


def _merge(pixels, mode):
    return Image.merge(mode, [Image.fromarray(band) for band in np.moveaxis(pixels, -1, 0)])


@pytest.fixture
def photos(tmp_path):
    """Eleven images of three classes, 24 x 20."""
    source = tmp_path / "photos"
    for i in range(11):
        path = source / "abc"[i % 3] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(i).save(path)
    return source


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def contents(output):
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*")) if path.is_file()
    }  # fmt: skip


def mix(source, output, *options):
    return main(["mix", str(source), str(output), "--group", "4", *map(str, options)])


def pixels_of(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_the_result_can_be_made_again_from_its_plan(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert mix(photos, out) == 0
    assert "Wrote 11 mixed images" in capsys.readouterr().out
    assert sorted(p.name for p in out.iterdir()) == [
        "comixup.json", "images", "inputs.csv", "labels.csv", "plan.npz",
    ]  # fmt: skip
    plan = MixPlan.load(out / "plan.npz")
    inputs, labels = read_csv(out / "inputs.csv"), read_csv(out / "labels.csv")
    assert plan.group_edges.tolist() == [0, 4, 8, 11]
    images = np.stack([pixels_of(photos / row["file"]) for row in inputs])
    mixed = np.stack([pixels_of(out / row["file"]) for row in labels])
    np.testing.assert_array_equal(mixed, plan.apply(images, channels="last"))
    assert (mixed != images).any()
    one_hot = np.eye(3)[["abc".index(row["label"]) for row in inputs]]
    written = [[float(row[c]) for c in "abc"] for row in labels]
    np.testing.assert_allclose(written, plan.apply_labels(one_hot), rtol=1e-15)
    for j, row in enumerate(labels):
        parts = dict(reversed(part.split(" ")) for part in row["sources"].split(" + "))
        expected = {inputs[i]["file"]: plan.shares[j, i] for i in np.flatnonzero(plan.shares[j])}
        assert {k: float(v) for k, v in parts.items()} == pytest.approx(expected, rel=1e-3)
    assert sorted(row["file"] for row in inputs) != [row["file"] for row in inputs]  # shuffled


def test_the_folder_is_mixed_as_the_library_would(photos, tmp_path):
    """One plan for all images at once has the same groups, streams and energies."""
    assert (
        mix(photos, tmp_path / "out", "--seed", 3, "--grid", "3x5", "--saliency", "contrast") == 0
    )
    found = MixPlan.load(tmp_path / "out" / "plan.npz")
    files = [row["file"] for row in read_csv(tmp_path / "out" / "inputs.csv")]
    images = np.stack([pixels_of(photos / file) for file in files])
    whole = CoMixup(group_size=4, grid=(3, 5)).plan(local_contrast(images, channels="last"), rng=3)
    np.testing.assert_array_equal(found.sources, whole.sources)
    np.testing.assert_array_equal(found.keys, whole.keys)
    np.testing.assert_allclose(found.energies, whole.energies)


def test_the_seed_decides_and_threads_do_not(photos, tmp_path):
    for name, *options in (("a", "--threads", 1), ("b", "--threads", 3), ("c", "--seed", 1)):
        assert mix(photos, tmp_path / name, *options) == 0
    a, b, c = (contents(tmp_path / name) for name in "abc")
    assert a == b
    assert a["labels.csv"] != c["labels.csv"]


@pytest.mark.parametrize("stop_at", [0, 1, 2])
@pytest.mark.parametrize("where", ["solving", "after the images", "finishing"])
def test_an_interruption_changes_nothing(photos, tmp_path, monkeypatch, capsys, stop_at, where):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert mix(photos, whole) == 0
    with monkeypatch.context() as patch:
        calls = iter(range(100))

        def interrupt(real):
            def stopping(*args, **options):
                if next(calls) == stop_at:
                    raise KeyboardInterrupt
                return real(*args, **options)

            return stopping

        if where == "solving":
            patch.setattr(mixer, "minimize_many", interrupt(mixer.minimize_many))
        elif where == "after the images":
            patch.setattr(folder, "write_bytes", interrupt(folder.write_bytes))
        else:
            patch.setattr(os, "replace", interrupt_finishing(os.replace, stop_at))
        assert mix(photos, out) == 130
    assert "Run the same command again" in capsys.readouterr().err
    if where != "finishing":
        assert [p.name for p in out.iterdir()] == [".partial"]
    assert not (out / "labels.csv").exists()
    assert mix(photos, out) == 0
    assert "(resumed)" in capsys.readouterr().out
    assert contents(out) == contents(whole)


def interrupt_finishing(real, stop_at):
    """Interrupt before the move number `stop_at` out of the work folder."""
    moves = iter(range(100))

    def replace(source, target):
        if os.path.dirname(source) != os.path.dirname(target) and next(moves) == stop_at:
            raise KeyboardInterrupt
        return real(source, target)

    return replace


def test_resuming_does_not_repeat_finished_groups(photos, tmp_path, monkeypatch):
    out, solved = tmp_path / "out", []

    def counting(problems, **options):
        if len(solved) == 2:
            solved.append("stop")
            raise KeyboardInterrupt
        solved.append(len(problems))
        return shuffling_solver(problems, **options)

    monkeypatch.setattr(mixer, "minimize_many", counting)
    assert mix(photos, out) == 130
    assert mix(photos, out) == 0
    assert solved == [1, 1, "stop", 1]


def test_a_killed_process_leaves_a_state_to_continue(photos, tmp_path):
    """The real thing: a process of its own, and a signal."""
    for i in range(40):
        picture(i, (200, 200)).save(photos / "a" / f"more{i}.png")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "comixup", "mix", str(photos), str(out), "--group", "1"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + 60
    while not list(out.glob(".partial/groups/*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    assert "Run the same command again to continue" in error
    assert [p.name for p in out.iterdir()] == [".partial"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "51 mixed images" in done.stdout
    assert len(read_csv(out / "labels.csv")) == 51


def test_complete_output_is_left_alone(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert mix(photos, out) == 0
    before = contents(out)
    assert mix(photos, out) == 0
    assert "complete already" in capsys.readouterr().out
    assert mix(photos, out, "--seed", 5) == 2
    assert "seed was 0, now 5" in (error := capsys.readouterr().err)
    assert "--force" in error
    picture(99).save(photos / "a" / "new.png")
    assert mix(photos, out) == 2
    assert "n_files was 11, now 12" in capsys.readouterr().err
    assert contents(out) == before
    assert mix(photos, out, "--force") == 0
    assert len(read_csv(out / "labels.csv")) == 12


def test_changed_files_are_noticed(photos, tmp_path, capsys):
    assert mix(photos, tmp_path / "out") == 0
    picture(99).save(photos / "a" / "00.png")
    assert mix(photos, tmp_path / "out") == 2
    assert "the input files changed" in capsys.readouterr().err


def test_an_interrupted_run_with_other_settings_is_not_continued(
    photos, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(folder, "_mix_group", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        assert mix(photos, out) == 130
    assert mix(photos, out, "--grid", "2x3") == 2
    assert "interrupted run with other settings" in capsys.readouterr().err
    assert mix(photos, out, "--grid", "2x3", "--force") == 0
    assert MixPlan.load(out / "plan.npz").grid == (2, 3)


def test_folders_of_others_are_never_touched(photos, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("precious")
    for options in ((), ("--force",)):
        assert mix(photos, out, *options) == 2
        assert "not by comixup" in capsys.readouterr().err
    assert contents(out) == {"thesis.tex": b"precious"}


def test_force_removes_only_what_comixup_wrote(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert mix(photos, out) == 0
    (out / "notes.txt").write_text("precious")
    assert mix(photos, out, "--force", "--format", "jpg") == 0
    assert (out / "notes.txt").read_text() == "precious"
    assert {p.suffix for p in (out / "images").iterdir()} == {".jpg"}
    (out / "images" / "best.jpg").write_text("precious")
    before = contents(out)
    assert mix(photos, out, "--force") == 2
    assert "best.jpg is not by comixup" in capsys.readouterr().err
    assert contents(out) == before


@pytest.mark.parametrize("output", [".", "a", "a/mixed", ".."])
def test_output_and_input_are_kept_apart(photos, output, capsys):
    assert mix(photos, photos / output) == 2
    assert "within each other" in capsys.readouterr().err


def write_bad_files(source):
    """One of each kind, with what is to be said of it."""
    a = source / "a"
    (a / "text.jpg").write_text("hello")
    (a / "empty.png").write_bytes(b"")
    picture(1, (200, 200)).save(a / "whole.png")
    data = (a / "whole.png").read_bytes()
    (a / "cut.png").write_bytes(data[: len(data) // 2])
    picture(1, mode="L").save(a / "grey.png")
    picture(1, mode="RGBA").save(a / "clear.png")
    picture(1, mode="LA").save(a / "greyclear.png")
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
        "grey.png": "grey: made RGB",
        "clear.png": "transparency: placed on white",
        "greyclear.png": "transparency: placed on white",
        "print.tif": "CMYK: converted to RGB",
        "moving.gif": "3 frames: the first is used",
        "huge.png": "huge, 12000x9000 pixels",
        "bomb.png": "huge",
        "deep.png": "16-bit grey: reduced to 8 bits",
        "float.tif": "no agreed range",
        "blank.png": "blank, all of it counts as equally salient",
    }


def test_every_kind_of_bad_file_is_named(photos, tmp_path, capsys):
    expected = write_bad_files(photos)
    (photos / "notes.txt").write_text("x")
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
    (photos / "a" / "text.jpg").write_text("hello")
    assert mix(photos, tmp_path / "out", "--strict") == 1
    assert "a/text.jpg: not an image" in capsys.readouterr().err
    assert not (tmp_path / "out" / "labels.csv").exists()


def test_nothing_readable_is_a_failure(tmp_path, capsys):
    (tmp_path / "in" / "a").mkdir(parents=True)
    (tmp_path / "in" / "a" / "x.png").write_text("hello")
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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,label\n", "lacks file"),
        ("", "lacks file and label"),
        ("file,label\n", "no lines below"),
        ("file,label\na/00.png,\n", "line 2: label is empty"),
        ("file,label\n,x\n", "line 2: file is empty"),
        ("file,label\na/00.png\n", "line 2: label is empty"),
        ("file,label\na/00.png,x\nb/none.png,x\n", "line 3: .*none.png does not exist"),
        ("file,label\na/00.png,x\na/00.png,y\n", "line 3: a/00.png is labeled y, but x"),
        ("file,label\n../x.png,x\n", "line 2: .* inside"),
        ("file,label\n/etc/x.png,x\n", "line 2: .* inside"),
        ("file,label\na/00.png,sources\n", "collide"),
        (b"file,label\n\xff\xfe,x\n", "UTF-8"),
        (None, "cannot be read"),
    ],
)
def test_errors_in_the_label_file_name_the_line(photos, tmp_path, capsys, text, message):
    table = tmp_path / "t.csv"
    if text is not None:
        table.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert mix(photos, tmp_path / "out", "--labels", table) == 2
    error = capsys.readouterr().err
    assert "t.csv" in error or "sources" in error
    assert re.search(message, error), error
    assert not (tmp_path / "out").exists()


def test_wrong_usage_starts_nothing(photos, tmp_path, capsys):
    out = tmp_path / "out"
    empty = tmp_path / "empty"
    empty.mkdir()
    for source, options, message in (
        (tmp_path / "none", (), "is not a folder"),
        (empty, (), "has no class folders"),
        (photos / "a", (), "images at its top"),
        (photos, ("--grid", "64"), "smaller --grid"),
        (photos, ("--smoothness", "-1"), "smoothness"),
        (photos, ("--threshold", "nan"), "threshold"),
    ):
        assert mix(source, out, *options) == 2
        assert message in capsys.readouterr().err
    for options in (
        ("--grid", "0"),
        ("--size", "9y9"),
        ("--seed", "-1"),
        ("--threads", "0"),
        ("--effort", "x"),
    ):
        with pytest.raises(SystemExit, match="2"):
            mix(photos, out, *options)
    assert not out.exists()
    out.write_text("precious")
    assert mix(photos, out, "--force") == 2
    assert out.read_text() == "precious"


def test_every_setting_is_in_the_manifest_and_in_the_result(photos, tmp_path):
    """No option is accepted and ignored."""
    assert mix(photos, tmp_path / "plain") == 0
    plain = json.loads((tmp_path / "plain" / "comixup.json").read_text())
    for option, value in (
        ("--grid", "2x3"), ("--smoothness", "2"), ("--coupling", "3"), ("--threshold", "0"),
        ("--levels", "1"), ("--effort", "best"), ("--saliency", "contrast"), ("--format", "jpg"),
        ("--seed", "7"), ("--size", "9x9"), ("--fit", "stretch"), ("--no-shuffle", None),
    ):  # fmt: skip
        key = option.replace("--no", "-").strip("-")
        out = tmp_path / key
        assert mix(photos, out, option, *([] if value is None else [value])) == 0
        manifest = json.loads((out / "comixup.json").read_text())
        assert {k for k in plain if manifest[k] != plain[k]} == {key}
        if key not in ("effort", "fit"):  # the stand-in does not try harder; all have one shape
            assert contents(out) != {**contents(tmp_path / "plain"), **_manifest(out)}


def _manifest(out):
    return {"comixup.json": (out / "comixup.json").read_bytes()}


def test_missing_packages_are_named(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert mix(photos, tmp_path / "out") == 1
    assert 'pip install "subopt[demo]"' in capsys.readouterr().err


def test_a_full_disk_fails_and_can_be_continued(photos, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(
            folder, "write_bytes", lambda *args: (_ for _ in ()).throw(OSError("disk full"))
        )
        assert mix(photos, out) == 1
    assert "disk full" in capsys.readouterr().err
    assert mix(photos, out) == 0
