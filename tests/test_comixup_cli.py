"""`comixup mix` by running it: results, options, interruptions, and what it may not touch."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from mixed_folders import contents, eleven, mix, picture, pixels_of, read_csv
from test_comixup_mixer import shuffling_solver

from comixup import CoMixup, MixPlan
from comixup.cli import folder, main
from comixup.mixers import comixup as mixer
from comixup.saliency import local_contrast


@pytest.fixture(autouse=True)
def any_labeling(monkeypatch):
    """In this process groups are mixed at random: the solver may well leave images alone."""
    monkeypatch.setattr(mixer, "minimize_many", shuffling_solver)


@pytest.fixture
def photos(tmp_path):
    return eleven(tmp_path / "photos")


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
    out = tmp_path / "out"
    arguments = ["mix", str(photos), str(out), "--group", "2"]
    # it waits before it keeps its second group, so that the signal comes before the end
    waiting = (
        "import sys, time\nfrom comixup.cli import main\nrecords = []\n"
        "def wait(event, args):\n"
        "    if event == 'os.rename' and 'groups' in str(args[1]):\n"
        "        records.append(args)\n"
        "        time.sleep(100 * (len(records) == 2))\n"
        "sys.addaudithook(wait)\nsys.exit(main(sys.argv[1:]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", waiting, *arguments],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not list(out.glob(".partial/groups/*.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130, error
    assert "Run the same command again to continue" in error
    assert [p.name for p in out.iterdir()] == [".partial"]
    command = [sys.executable, "-m", "comixup", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "(resumed)" in done.stdout
    assert "11 mixed images" in done.stdout
    assert len(read_csv(out / "labels.csv")) == 11


@pytest.mark.parametrize("module", ["comixup.cli.files", "numpy", "comixup.mixers.comixup"])
def test_an_interrupt_while_modules_are_loaded_shows_no_traceback(module, tmp_path):
    code = (
        "import sys\ndef interrupt(event, args):\n"
        f"    if event == 'import' and args[0] == {module!r}:\n"
        "        raise KeyboardInterrupt\n"
        "sys.addaudithook(interrupt)\nfrom comixup.cli import main\n"
        f"sys.exit(main(['mix', {str(tmp_path)!r}, 'out']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "comixup: interrupted.\n")


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
    (out / "thesis.tex").write_text("precious", encoding="utf-8")
    for options in ((), ("--force",)):
        assert mix(photos, out, *options) == 2
        assert "files that comixup did not write" in capsys.readouterr().err
    assert contents(out) == {"thesis.tex": b"precious"}


def test_force_removes_only_what_comixup_wrote(photos, tmp_path, capsys):
    out = tmp_path / "out"
    assert mix(photos, out) == 0
    (out / "notes.txt").write_text("precious", encoding="utf-8")
    assert mix(photos, out, "--force", "--format", "jpg") == 0
    assert (out / "notes.txt").read_text("utf-8") == "precious"
    assert {p.suffix for p in (out / "images").iterdir()} == {".jpg"}
    (out / "images" / "best.jpg").write_text("precious", encoding="utf-8")
    before = contents(out)
    assert mix(photos, out, "--force") == 2
    assert "best.jpg. Move it elsewhere" in capsys.readouterr().err
    assert contents(out) == before


@pytest.mark.parametrize("output", [".", "a", "a/mixed", ".."])
def test_output_and_input_are_kept_apart(photos, output, capsys):
    assert mix(photos, photos / output) == 2
    assert "within each other" in capsys.readouterr().err


def test_a_name_that_no_file_can_have_is_said(photos, tmp_path, capsys):
    assert mix(photos, tmp_path / ("x" * 300)) == 1
    assert "File name too long" in capsys.readouterr().err


@pytest.mark.parametrize("path", ["", "a\0b"])
@pytest.mark.parametrize("at", ["input", "output", "labels", "demo"])
def test_what_is_no_path_is_said(at, path, photos, tmp_path, capsys):
    before = contents(photos)
    folders = {"input": str(photos), "output": str(tmp_path / "out"), at: path}
    more = ["--labels", path] if at == "labels" else []
    mixing = ["mix", folders["input"], folders["output"], *more]
    with pytest.raises(SystemExit, match="2"):
        main(["demo", "--out", path] if at == "demo" else mixing)
    assert f"needs a path, got {path!r}" in capsys.readouterr().err
    assert contents(photos) == before
    assert list(tmp_path.iterdir()) == [photos]


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
    out.write_text("precious", encoding="utf-8")
    assert mix(photos, out, "--force") == 2
    assert out.read_text("utf-8") == "precious"


def test_every_setting_is_in_the_manifest_and_in_the_result(photos, tmp_path):
    """No option is accepted and ignored."""
    assert mix(photos, tmp_path / "plain") == 0
    plain = json.loads((tmp_path / "plain" / "comixup.json").read_text("utf-8"))
    for option, value in (
        ("--grid", "2x3"), ("--smoothness", "2"), ("--coupling", "3"), ("--threshold", "0"),
        ("--levels", "1"), ("--effort", "best"), ("--saliency", "contrast"), ("--format", "jpg"),
        ("--seed", "7"), ("--size", "9x9"), ("--fit", "stretch"), ("--no-shuffle", None),
        ("--labels-by", "maximum"), ("--labels-by", "saliency"),
    ):  # fmt: skip
        key = option.replace("--no", "-").strip("-").replace("-", "_")
        out = tmp_path / f"{key}{value}"
        assert mix(photos, out, option, *([] if value is None else [value])) == 0
        manifest = json.loads((out / "comixup.json").read_text("utf-8"))
        assert {k for k in plain if manifest[k] != plain[k]} == {key}
        if key not in ("effort", "fit"):  # the stand-in does not try harder; all have one shape
            assert contents(out) != {**contents(tmp_path / "plain"), **_manifest(out)}


def _manifest(out):
    return {"comixup.json": (out / "comixup.json").read_bytes()}


def test_missing_packages_are_named(photos, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    assert mix(photos, tmp_path / "out") == 1
    assert 'python -m pip install ".[demo]"' in capsys.readouterr().err


def test_a_full_disk_fails_and_can_be_continued(photos, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(
            folder, "write_bytes", lambda *args: (_ for _ in ()).throw(OSError("disk full"))
        )
        assert mix(photos, out) == 1
    assert "disk full. Run the same command again to continue." in capsys.readouterr().err
    assert mix(photos, out) == 0
