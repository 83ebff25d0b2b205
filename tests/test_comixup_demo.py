"""`comixup demo` and drawings of plans, by running them."""

import subprocess
import sys
import time

import numpy as np
import pytest

from comixup import CoMixup, MixPlan
from comixup.cli import main

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("matplotlib")
pytest.importorskip("skimage")
pytest.importorskip("sklearn")


def test_the_demo_runs_from_the_shell_and_may_run_again(tmp_path):
    command = [sys.executable, "-m", "comixup", "demo"]
    seconds = []
    for said in ("Wrote comixup-demo.png", "Replaced comixup-demo.png"):
        start = time.perf_counter()
        done = subprocess.run(
            command, cwd=tmp_path, env=_environment(), capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - start)
        assert said in done.stdout
        for word in ("energy", "sources per output", "time, first mix", "astronaut"):
            assert word in done.stdout
        # an empty cache is filled; without a home, Matplotlib tells of a cache of its own
        said_too = ("compiling", "compiled in", "Matplotlib ")
        assert all(line.startswith(said_too) for line in done.stderr.splitlines())
    with Image.open(tmp_path / "comixup-demo.png") as image:
        assert image.width > 1200
        assert len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 10_000


def _environment():
    import os
    import pathlib

    return {**os.environ, "PYTHONPATH": str(pathlib.Path(__file__).parents[1])}


def test_pictures_of_others_are_not_replaced_unasked(tmp_path, capsys):
    out = tmp_path / "holiday.png"
    Image.new("RGB", (4, 4)).save(out)
    before = out.read_bytes()
    assert main(["demo", "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == before
    assert main(["demo", "--out", str(out), "--force", "--levels", "2", "--grid", "2x5"]) == 0
    assert out.read_bytes() != before
    assert main(["demo", "--out", str(tmp_path / "none" / "x.png")]) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["holiday.png"]


def test_files_that_cannot_be_written_are_named(tmp_path, capsys, monkeypatch):
    # also where files have temporary names first; this one has room for no more letters
    name = "x" * 250 + ".png"
    assert main(["demo", "--out", str(tmp_path / name)]) == 1
    assert f"{name}'" in capsys.readouterr().err
    monkeypatch.setattr("os.access", lambda *args: False)  # an administrator may write everywhere
    assert main(["demo", "--out", str(tmp_path / "x.png")]) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.fixture
def plan():
    sources = [[[[1, 1], [0, 0]], [[0, 1], [0, 0]]], [[[0, 0], [0, 0]], [[0, 0], [1, 1]]],
               [[[2, 2], [2, 2]], [[2, 2], [2, 2]]]]  # fmt: skip
    return MixPlan.from_sources(sources, spatial=(8, 10), group_edges=[0, 2, 3])


IMAGES = np.random.default_rng(0).random((3, 3, 8, 10))


def texts(figure):
    return [t.get_text() for ax in figure.axes for t in [*ax.texts, ax.title] if t.get_text()]


def test_drawing_shows_labels_with_their_shares(plan):
    import matplotlib

    figure = plan.draw(IMAGES, labels=[1, 0, 1], names=["dog", "cat"], saliency=IMAGES[:, 0])
    assert len(figure.axes) == 4 * 2
    found = texts(figure)
    assert {"inputs", "saliency", "mixed", "labels"} < set(found)
    assert "cat  62%" in found  # three patches of eight halves: 5/8 are input 0, a cat
    assert "dog  38%" in found
    assert not matplotlib._pylab_helpers.Gcf.figs  # nothing global


def test_drawing_without_labels_shows_inputs(plan):
    gray = (IMAGES[:, :1] * 255).astype(np.uint8)
    figure = plan.draw(np.moveaxis(gray, 1, -1), channels="last", group=1)
    assert len(figure.axes) == 3
    assert "2  100%" in texts(figure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"images": IMAGES[:2]}, "3 inputs of the plan"),
        ({"images": IMAGES[:, :2]}, "1 or 3 channels"),
        ({"images": IMAGES[:, :, 0]}, "2 spatial dimensions"),
        ({"group": 2}, r"0\.\.1, got 2"),
        ({"names": ["a"]}, "3 inputs, got 1"),
        ({"saliency": IMAGES}, "2 spatial dimensions"),
    ],
)
def test_what_cannot_be_drawn_is_refused(plan, options, message):
    with pytest.raises(ValueError, match=message):
        plan.draw(**{"images": IMAGES, **options})


def test_a_mixed_batch_can_be_drawn():
    images = np.random.default_rng(0).normal(size=(12, 3, 16, 16))  # outside 0..1, twelve colors
    mixed = CoMixup(num_classes=3).mix(images, np.arange(12) % 3, rng=0)
    figure = mixed.plan.draw(images, labels=np.arange(12) % 3)
    assert len(figure.axes) == 3 * 12


def test_outlines_have_the_colors_of_the_sources(plan):
    figure = plan.draw(IMAGES)
    inputs, mixed = figure.axes[:2], figure.axes[2:4]
    color = [ax.lines[0].get_color() for ax in inputs]
    assert color[0] != color[1]
    # Output 0: row 0 is [1 1], [0 0]; row 1 is half and half, [0 0].
    whole = [line for line in mixed[0].lines if line.get_linestyle() == "-"]
    dashed = [line for line in mixed[0].lines if line.get_linestyle() != "-"]
    assert {line.get_color() for line in whole} == {color[0], color[1]}
    assert [line.get_color() for line in dashed] == [color[1]] * 4  # around the divided patch
    # Output 1: all but the last patch is input 0, so its patches have no border between them.
    ones = [line for line in mixed[1].lines if line.get_color() == color[1]]
    assert len(ones) == 4
    assert len(mixed[1].lines) == 4 + 2 + 3 + 3
