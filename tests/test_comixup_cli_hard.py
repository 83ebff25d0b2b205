"""Folders as people have them: no file stops a run, and two runs do not meet in one folder."""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from mixed_folders import Image, contents, eleven, mix, picture, pixels_of, read_csv
from test_comixup_mixer import shuffling_solver

from comixup.cli import files, main, workspace
from comixup.cli.dataset import UsageError
from comixup.mixers import comixup as mixer


@pytest.fixture(autouse=True)
def any_labeling(monkeypatch):
    """In this process groups are mixed at random: what is tested are files, not the solver."""
    monkeypatch.setattr(mixer, "minimize_many", shuffling_solver)


unix = pytest.mark.skipif(os.name == "nt", reason="pipes and names of bytes")


def test_a_photograph_whose_metadata_cannot_be_written_again(tmp_path, capsys):
    source = eleven(tmp_path / "photos")
    # orientation 6, and an XResolution of -1 / 0 as a signed fraction
    entries = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHII", 0x011A, 10, 1, 38)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<Iii", 0, -1, 0)
    path = source / "a" / "turned.jpg"
    picture(3, size=(20, 24)).save(path, exif=exif)
    assert mix(source, tmp_path / "out", "--format", "png") == 0
    assert "turned.jpg" not in capsys.readouterr().err
    upright = files.read_image(path, (24, 20), "crop").pixels
    np.testing.assert_array_equal(upright, np.rot90(pixels_of(path), -1))


@pytest.mark.parametrize("turn", range(1, 9))
def test_turned_photographs_are_those_of_pillow(turn, tmp_path):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / "x.png"
    picture(turn).save(path, exif=exif)
    with Image.open(path) as image:
        upright = ImageOps.exif_transpose(image)
    found = files.read_image(path, upright.size[::-1], "crop").pixels
    np.testing.assert_array_equal(found, np.asarray(upright))
    assert files.common_size([path], (1, 1)) == upright.size[::-1]


def test_whatever_a_decoder_raises_is_told(tmp_path, monkeypatch):
    from PIL import ImageFile

    class OddError(Exception):
        pass

    def failing(self):
        raise OddError("no such luck")

    picture(0).save(tmp_path / "x.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", failing)
    with pytest.raises(files.UnreadableImage, match="damaged or truncated: no such luck"):
        files.read_image(tmp_path / "x.png", (24, 20), "crop")


HEADS = [b"BLP2", b"DDS ", b"\0\0\0\x1cftypavif", b"II*\0", b"\x89PNG\r\n\x1a\n"]


@pytest.mark.parametrize("head", HEADS)
def test_damaged_data_of_any_format_is_skipped(head, tmp_path, capsys):
    source = eleven(tmp_path / "photos")
    rng = np.random.default_rng(0)
    for k in range(8):
        (source / "a" / f"bad{k}.jpg").write_bytes(head + rng.bytes(30 + 40 * k))
    assert mix(source, tmp_path / "out") == 0
    assert "8 skipped" in capsys.readouterr().out
    assert len(read_csv(tmp_path / "out" / "inputs.csv")) == 11


@unix
def test_names_links_and_pipes(tmp_path, capsys):
    source = eleven(tmp_path / "photos")
    os.mkfifo(source / "a" / "pipe.jpg")
    (source / "a" / "nowhere.jpg").symlink_to("nothing")
    (source / "a" / "itself.jpg").symlink_to("itself.jpg")
    (source / "a" / "loop").symlink_to(source / "a", target_is_directory=True)
    with open(os.path.join(os.fsencode(source), b"a", b"caf\xe9.png"), "wb") as file:
        picture(40).save(file, "png")
    other = tmp_path / "elsewhere"
    other.mkdir()
    picture(50).save(other / "50.png")
    (source / "linked").symlink_to(other, target_is_directory=True)
    assert mix(source, tmp_path / "out") == 0
    said = capsys.readouterr().err
    for line in (
        "a/pipe.jpg: not a regular file, left out",
        "a/nowhere.jpg: is a link to nothing, left out",
        "a/itself.jpg: ",
        "a/loop: links to a folder that it is in, left out",
        "a/caf\\xe9.png: the name is not UTF-8, left out; rename it",
    ):
        assert line in said
    rows = read_csv(tmp_path / "out" / "inputs.csv")
    assert len(rows) == 12
    assert "linked/50.png" in {row["file"] for row in rows}


def test_folders_that_cannot_be_read_are_named(tmp_path, monkeypatch):
    source = eleven(tmp_path / "photos")
    scan = os.scandir

    def refusing(path):
        if str(path).endswith("b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(files.os, "scandir", refusing)
    found = files.walk_images(source)
    assert found.messages == ["b: cannot be read (Permission denied), left out"]
    assert len(found.images) == 7


def test_one_run_holds_a_folder(tmp_path, capsys):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    with workspace.only_run(out):
        assert mix(source, out) == 2
        said = capsys.readouterr().err
        assert f"{out} is being written by another run (process {os.getpid()} on" in said
        with pytest.raises(UsageError, match="another run"), workspace.only_run(out):
            pass
    assert not out.exists()
    assert mix(source, out) == 0
    assert workspace.LOCK not in contents(out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert mix(source, tmp_path / "mine") == 2
    assert list(contents(tmp_path / "mine")) == ["letter.txt"]


def test_a_lock_goes_with_its_process(tmp_path):
    out = tmp_path / "out"
    code = (
        "import os, pathlib, sys\nfrom comixup.cli import workspace\n"
        f"with workspace.only_run(pathlib.Path({str(out)!r})):\n    os._exit(9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert (out / workspace.LOCK).exists()
    assert mix(eleven(tmp_path / "photos"), out) == 0
    assert workspace.LOCK not in contents(out)


def test_pairs_of_runs_end_in_one_result(tmp_path):
    source = eleven(tmp_path / "photos")
    assert mix(source, tmp_path / "whole") == 0
    codes = []
    threads = [
        threading.Thread(target=lambda: codes.append(mix(source, tmp_path / "out")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 in codes
    assert set(codes) <= {0, 2}
    found, whole = contents(tmp_path / "out"), contents(tmp_path / "whole")
    assert found == whole


def test_images_that_were_moved_in_part_are_no_obstacle(tmp_path):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    assert mix(source, tmp_path / "whole") == 0
    with pytest.MonkeyPatch.context() as patch:
        replace, left = os.replace, [40]

        def stopping(a, b):
            if str(b).endswith("images"):
                os.mkdir(b)
                replace(os.path.join(a, "000003.png"), os.path.join(b, "000003.png"))
                raise KeyboardInterrupt
            return replace(a, b)

        patch.setattr(os, "replace", stopping)
        assert mix(source, out) == 130
        assert left
    assert mix(source, out) == 0
    assert contents(out) == contents(tmp_path / "whole")


def test_deep_pictures(tmp_path):
    ramp = np.linspace(0, 4095, 480).reshape(20, 24).astype(np.uint16)
    cases = {
        "eight": (ramp // 16, "8 bits in a 16-bit gray: made RGB"),
        "eight in 32": ((ramp // 16).astype(np.int32), "8 bits in a 16-bit gray: made RGB"),
        "twelve": (ramp, "12 bits in a 16-bit gray: reduced to 8 bits, made RGB"),
        "sixteen": (ramp * 16, "16-bit gray: reduced to 8 bits, made RGB"),
    }
    for name, (values, note) in cases.items():
        Image.fromarray(values).save(tmp_path / f"{name}.tif")
        read = files.read_image(tmp_path / f"{name}.tif", (20, 24), "crop")
        assert read.notes == (note,)
        assert read.pixels.max() >= 254
    assert np.array_equal(
        files.read_image(tmp_path / "eight.tif", (20, 24), "crop").pixels[..., 0], ramp // 16
    )
    Image.fromarray(ramp.astype(np.int32) * 1000).save(tmp_path / "wide.tif")
    with pytest.raises(files.UnreadableImage, match="32-bit integers"):
        files.read_image(tmp_path / "wide.tif", (20, 24), "crop")


def test_small_things_of_the_command_line(tmp_path, capsys):
    source = eleven(tmp_path / "photos")
    rows = [f"{'abc'[i % 3]}/{i:02d}.png, {i}" for i in range(11)]
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(["file, label", *rows]))
    assert mix(source, tmp_path / "out", "--labels", table) == 0
    header = (tmp_path / "out" / "labels.csv").read_text().splitlines()[0]
    assert header == "file,sources," + ",".join(map(str, range(11)))
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    if os.name != "nt":
        (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
        assert mix(source, tmp_path / "dangling") == 2
        assert "is a link to nothing" in capsys.readouterr().err
    assert main(["demo", "--out", str(tmp_path / "x.jpg")]) == 2
    assert "name it x.png" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        mix(source, tmp_path / "huge", "--size", "99999x99999")
    assert "at most" in capsys.readouterr().err
    Image.new("RGB", (20, 24), "gray").save(source / "a" / "blank.png")
    assert mix(source, tmp_path / "blank") == 0
    assert "1 blank" in capsys.readouterr().out


def test_files_of_file_managers_are_no_obstacle(tmp_path, capsys):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    out.mkdir()
    for name in workspace.DESKTOP:
        (out / name).write_bytes(b"")
    assert mix(source, out) == 0
    for name in workspace.DESKTOP:
        (out / "images" / name).write_bytes(b"")
    first = contents(out)
    assert mix(source, out) == 0
    assert mix(source, out, "--force") == 0
    assert {k: v for k, v in first.items() if Path(k).name not in workspace.DESKTOP} == {
        k: v for k, v in contents(out).items() if Path(k).name not in workspace.DESKTOP
    }
    (out / "images" / "mine.png").write_bytes(b"")
    assert mix(source, out, "--force") == 2
    assert "did not write" in capsys.readouterr().err


@pytest.mark.parametrize("lost", ["images", "images/000003.png", "inputs.csv", "plan.npz"])
def test_results_that_are_not_whole_are_not_called_complete(lost, tmp_path, capsys):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    assert mix(source, out) == 0
    whole, path = contents(out), out / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for more in [], ["--report", "--contact-sheet", "--metadata"]:
        assert mix(source, out, *more) == 2
        assert "lacks" in (said := capsys.readouterr().err)
        assert "--force" in said
    assert mix(source, out, "--force") == 0
    assert contents(out) == whole


def test_classes_that_lie_deeper_are_pointed_to(tmp_path, capsys):
    for split in ("train", "val"):
        eleven(tmp_path / "photos" / split)
    assert mix(tmp_path / "photos", tmp_path / "out") == 0
    assert "first folders, such as train; all images lie deeper" in capsys.readouterr().err
    assert mix(tmp_path / "photos" / "train", tmp_path / "train") == 0
    assert "deeper" not in capsys.readouterr().err


TABLES = {  # by what begins a table, and what separates its columns
    "excel": ("sep=;\r\n", ";"),
    "quoted": ('"sep=,"\n', ","),
    "bar": ("", "|"),
    "empty lines": ("\n \n\r\n", ","),
    "both": ("\nSEP=\t\n", "\t"),
    "unusual": ("sep=:\n", ":"),
    "wrong": ("sep=;\n", ","),
    "no separator": ('sep="\n', ","),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_as_programs_write_them(name, tmp_path, capsys):
    head, separator = TABLES[name]
    source, table = eleven(tmp_path / "photos"), tmp_path / "table.csv"
    found = sorted(p.relative_to(source).as_posix() for p in source.rglob("*.*"))
    rows = [("file", "label"), *((file, f"c{i % 2}") for i, file in enumerate(found[:5]))]
    text = head + "".join(f"{file}{separator}{label}\n" for file, label in rows)
    table.write_text(text + f"nothing.png{separator}c0\n", newline="")
    assert mix(source, tmp_path / "out", "--labels", table) == 0
    line = text.count("\n") + 1
    assert f"nothing.png: does not exist (table.csv, line {line}); skipped" in (
        capsys.readouterr().err
    )
    names = dict(rows[1:])
    inputs = read_csv(tmp_path / "out" / "inputs.csv")
    assert {row["file"]: row["label"] for row in inputs} == names


def test_what_is_unclear_in_tables_is_refused(tmp_path, capsys):
    source, table = eleven(tmp_path / "photos"), tmp_path / "table.csv"
    one, two = sorted(p.relative_to(source).as_posix() for p in source.rglob("*.*"))[:2]
    for column in ("file", "label"):
        table.write_text(f"file,label,{column}\n{one},x,y\n{two},z,y\n")
        assert mix(source, tmp_path / "out", "--labels", table) == 2
        assert f"more than one column {column}" in capsys.readouterr().err
    table.write_text(f"file,label\n{one},x\0\n{two},z\n")
    assert mix(source, tmp_path / "out", "--labels", table) == 0
    assert f"{one}: the label has a zero byte" in capsys.readouterr().err


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_accents_in_tables_of_other_systems(forms, tmp_path):
    on_disk, in_table = (unicodedata.normalize(form, "h\u00fctte.png") for form in forms)
    source, table = eleven(tmp_path / "photos"), tmp_path / "table.csv"
    shutil.copy(next(source.rglob("*.png")), source / on_disk)
    table.write_text(f"file,label\n{in_table},x\n", encoding="utf-8")
    assert mix(source, tmp_path / "out", "--labels", table) == 0
    (row,) = read_csv(tmp_path / "out" / "inputs.csv")
    assert (source / row["file"]).exists()


def test_images_that_are_not_mixed_or_not_shown_are_counted(tmp_path, capsys, monkeypatch):
    source = eleven(tmp_path / "photos")
    shuffle = mixer.minimize_many

    def not_all(problems, **options):  # of each group, the first image is nowhere
        found = shuffle(problems, **options)
        for result in found:
            result.sources[result.sources == 0] = len(result.sources) - 1
        return found

    assert mix(source, tmp_path / "out", "--group-size", "5") == 0  # 5, 5 and 1
    said = capsys.readouterr().out
    assert "1 not mixed: their group has no other image" in said
    assert mix(source, tmp_path / "same", "--group", "5") == 0
    assert contents(tmp_path / "same") == contents(tmp_path / "out")
    assert mix(source, tmp_path / "alone", "--group", "1") == 0
    assert "11 not mixed: --group 1 mixes nothing" in capsys.readouterr().out
    monkeypatch.setattr(mixer, "minimize_many", not_all)
    assert mix(source, tmp_path / "less", "--report", "--no-shuffle") == 0
    assert "3 appear in no mixed image" in capsys.readouterr().out
    page = (tmp_path / "less" / "report.html").read_text("utf-8")
    assert page.split("Files that no mixed image shows")[1].startswith(
        "</summary>\n<p>a/00.png</p>"
    )


CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir")


def killed_at(change, source, out, *options):
    """Run in a process that dies before it changes files for the n-th time; return its status."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def watch(event, args):
        nonlocal seen
        if event in CHANGES or (event == "open" and set(str(args[1] or "")) & set("wax+")):
            seen += 1
            if seen > change:
                os._exit(9)

    try:
        sys.addaudithook(watch)
        os._exit(mix(source, out, *options))
    finally:
        os._exit(7)


@unix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize("force", [False, True])
def test_a_kill_at_any_moment_changes_nothing(force, tmp_path):
    source, out = tmp_path / "photos", tmp_path / "out"
    for i in range(5):
        (source / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        picture(i, (16, 16)).save(source / "ab"[i % 2] / f"{i}.png")
    options = ("--threads", "1", "--effort", "fast", "--report", "--metadata")
    assert mix(source, tmp_path / "whole" / "out", *options) == 0
    whole = contents(tmp_path / "whole" / "out")
    status, change = 9, 0
    while status == 9:
        shutil.rmtree(out, ignore_errors=True)
        if force:  # a run of other settings, to be removed
            assert mix(source, out, "--threads", "1", "--effort", "fast", "--metadata") == 0
            again = (*options, "--seed", "1", "--force")
        else:
            again = options
        status = killed_at(change, source, out, *again)
        assert status in (0, 9)
        assert mix(source, out, *again) == 0, change
        if not force:
            assert contents(out) == whole, change
        assert {path.name for path in out.iterdir()} == {
            "images", "inputs.csv", "labels.csv", "plan.npz", "comixup.json", "report.html",
        }, change  # fmt: skip
        assert len(list((out / "images").iterdir())) == 6, change
        change += 3 if force else 1
    assert change > 20


def test_a_kill_while_the_first_file_is_written_is_no_obstacle(tmp_path):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    assert mix(source, tmp_path / "whole" / "out") == 0
    (out / workspace.PARTIAL).mkdir(parents=True)
    (out / workspace.PARTIAL / f".{workspace.MANIFEST}.123.tmp").write_bytes(b'{"comix')
    (out / workspace.LOCK).write_bytes(b"process 123")
    assert mix(source, out) == 0
    assert contents(out) == contents(tmp_path / "whole" / "out")


@pytest.mark.parametrize("left", ["groups", "manifest", "nothing"])
def test_a_kill_while_a_run_cleans_up_leaves_nothing_behind(left, tmp_path, monkeypatch):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    options = ("--report", "--contact-sheet", "--metadata")
    assert mix(source, tmp_path / "whole" / "out", *options) == 0
    remove = shutil.rmtree

    def half(path, *args, **options):
        if workspace.PARTIAL in str(path):
            if left != "nothing":
                remove(path / "groups" if left == "manifest" else path / "images", True)
            if left == "groups":
                (path / workspace.MANIFEST).unlink()
            raise KeyboardInterrupt
        remove(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half)
        assert mix(source, out, *options) == 130
    for name in (workspace.MANIFEST, workspace.REPORT, workspace.SHEET):
        (out / f".{name}.77.tmp").write_bytes(b"half")
    (out / "images" / f".{workspace.METADATA}.77.tmp").write_bytes(b"half")
    assert mix(source, out, *options) == 0
    assert contents(out) == contents(tmp_path / "whole" / "out")
    assert not (out / workspace.PARTIAL).exists()


def test_a_removal_that_was_interrupted_is_named(tmp_path, monkeypatch, capsys):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    assert mix(source, out, "--metadata") == 0
    (out / "images" / f".{workspace.METADATA}.77.tmp").write_bytes(b"half")
    with monkeypatch.context() as patch:
        unlink = pathlib.Path.unlink

        def stopping(path, **options):
            if path.name == "000004.png":
                raise KeyboardInterrupt
            unlink(path, **options)

        patch.setattr(pathlib.Path, "unlink", stopping)
        assert mix(source, out, "--metadata", "--force") == 130
    capsys.readouterr()
    assert mix(source, out, "--metadata") == 2
    assert "being removed. Say --force" in capsys.readouterr().err
    assert mix(source, out, "--metadata", "--force") == 0
    assert len(contents(out)) == 11 + 5


def test_folders_that_runs_make_and_remove_at_once(tmp_path, monkeypatch):
    out, made = tmp_path / "out", pathlib.Path.mkdir
    removed = []

    def losing(path, *args, **options):
        made(path, *args, **options)
        if path == out and len(removed) < 3:  # another run ends, and takes its folder with it
            path.rmdir()
            removed.append(path)

    monkeypatch.setattr(pathlib.Path, "mkdir", losing)
    with workspace.only_run(out):
        assert (out / workspace.LOCK).exists()
    assert len(removed) == 3
    assert not out.exists()


def test_metadata_are_the_labels_as_datasets_reads_them(tmp_path, capsys):
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    assert mix(source, out) == 0
    assert mix(source, out, "--metadata") == 0
    rows = read_csv(out / "images" / "metadata.csv")
    for row, label in zip(rows, read_csv(out / "labels.csv"), strict=True):
        assert (out / "images" / row.pop("file_name")).samefile(out / label.pop("file"))
        assert row == label
    assert mix(source, out, "--force") == 0
    assert not (out / "images" / "metadata.csv").exists()
    (source / "a").rename(source / "file_name")
    assert mix(source, tmp_path / "other", "--metadata") == 2
    assert "would collide with a column of metadata.csv" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore")
def test_hugging_face_reads_the_folder(tmp_path):
    datasets = pytest.importorskip("datasets")
    source, out = eleven(tmp_path / "photos"), tmp_path / "out"
    assert mix(source, out, "--metadata", "--contact-sheet") == 0
    data = datasets.load_dataset(
        "imagefolder", data_dir=str(out / "images"), split="train", cache_dir=str(tmp_path / "hub")
    )
    assert len(data) == 11
    assert set(data.column_names) == {"image", "sources", "a", "b", "c"}
    for row, label in zip(data, read_csv(out / "labels.csv"), strict=True):
        assert row["a"] == float(label["a"])
        assert np.array_equal(np.asarray(row["image"]), pixels_of(out / label["file"]))
