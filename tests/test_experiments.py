"""examples/experiments.py runs what is not kept, and writes tables between their marks only."""

import json
import types
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from drawn import numbers

pytest.importorskip("torch")

import experiments
import named_sets
import paired
import pictures
import records
import report
import train
import training_runs
from evaluation import packed_bits, packed_floats, unpacked_bits, unpacked_floats
from hypothesis import given
from hypothesis import strategies as st
from small_runs import SMALL, saved

from comixup.cli.dataset import UsageError
from comixup.evaluate import calibration


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Give what sets the one experiment, of two runs that take a second."""
    data = saved(tmp_path / "small.npz")

    def in_this_process(command, check):
        return types.SimpleNamespace(returncode=train.main(command[2:]))

    def with_options(*options):
        runs = {"plain": "--mixer none", "cut, paste": "--mixer cutmix"}
        options = " ".join([*SMALL, *options])
        tiny = named_sets.Experiment(lambda *_: data, options, runs, reference="plain")
        for module in (experiments, records, report):
            monkeypatch.setattr(module, "EXPERIMENTS", {"tiny": tiny})

    monkeypatch.setattr(training_runs.subprocess, "run", in_this_process)
    monkeypatch.setenv("SUBOPT_DATA", str(tmp_path))
    return with_options


def test_experiments_fill_their_table(tmp_path, tiny, capsys):
    pytest.importorskip("matplotlib")
    times, kept = [], tmp_path / "results"
    tiny("--epochs", "1")
    for _ in range(2):
        assert experiments.run("tiny", tmp_path, 2, 1, kept) == 0
        paths = sorted((tmp_path / "tiny").glob("*/checkpoint.pt"))
        times.append([path.stat().st_mtime_ns for path in paths])
    assert len(times[0]) == len(list(kept.glob("tiny/*.json"))) == 4
    assert times[0] == times[1]  # all are complete the second time
    said = capsys.readouterr().out
    assert "tiny: 4 runs to go\n" in said
    assert "tiny, cut, paste, seed 1: done; 0 runs to go, about 0.0 hours\ntiny: 0 runs" in said
    page = tmp_path / "page.md"
    around = ("Above.\n\n<!-- tiny: begin -->\n", "<!-- tiny: end -->\n\nBelow, tiny-time.png.\n")
    page.write_text("former\n".join(around))
    for _ in range(2):
        report.write_report(page, kept)
        text = page.read_text("utf-8")
        assert text.startswith(around[0])
        assert text.endswith(around[1])
        assert "former" not in text
    assert [p.name for p in (tmp_path / "images").iterdir()] == ["tiny-time.png"]
    paths = sorted(kept.glob("tiny/plain-seed*.json"))
    errors = [100 * json.loads(p.read_bytes())["result"]["error"] for p in paths]
    mean, spread = np.mean(errors), np.std(errors, ddof=1)
    assert f"| plain | 2 of 3 | {mean:.1f} ± {spread:.1f} |" in text
    assert "4 of 6 runs are complete." in text
    assert "| cut, paste | 2 | " in text.partition("Differences from plain")[2]


def test_what_is_kept_is_not_run_again_on_another_machine(tmp_path, tiny, monkeypatch):
    kept = tmp_path / "results"
    tiny("--epochs", "1")
    with ThreadPoolExecutor(1) as pool:
        assert experiments.run("tiny", tmp_path / "here", 1, 1, kept, pool) == 0
    with monkeypatch.context() as patch:
        patch.delattr(training_runs.subprocess, "run")
        assert experiments.run("tiny", tmp_path / "there", 1, 1, kept) == 0
    # other options below the same name: nothing is taken for complete, nor are its numbers
    tiny("--epochs", "2")
    page = tmp_path / "page.md"
    page.write_text("<!-- tiny: begin -->\n<!-- tiny: end -->\n", encoding="utf-8")
    for use in (
        lambda: experiments.run("tiny", tmp_path / "there", 1, 1, kept),
        lambda: report.write_report(page, kept),
    ):
        with pytest.raises(UsageError, match=r"plain-seed0.json .*epochs was 1, now 2"):
            use()
    assert page.read_text("utf-8") == "<!-- tiny: begin -->\n<!-- tiny: end -->\n"
    assert experiments.run("tiny", tmp_path / "here", 1, 1, tmp_path / "none") == 2
    tiny("--epochs", "1")
    page.write_text("no marks", encoding="utf-8")
    with pytest.raises(UsageError, match="tiny: begin"):
        report.write_report(page, kept)
    assert page.read_text("utf-8") == "no marks"


def test_every_named_set_can_be_run():
    for name, experiment in named_sets.EXPERIMENTS.items():
        everything = {**experiment.borrowed, **experiment.runs}
        assert experiment.reference is None or experiment.reference in everything
        assert len(everything) == len(experiment.borrowed) + len(experiment.runs)
        for run, home in experiment.borrowed.items():
            assert run in named_sets.EXPERIMENTS[home].runs
            assert named_sets.EXPERIMENTS[home].options == experiment.options
        assert set(experiment.more) <= set(experiment.runs)
        assert len({records.slug(run) for run in experiment.runs}) == len(experiment.runs)
        wanted = experiments.jobs(name)
        assert len(set(wanted)) == len(wanted) == sum(map(experiment.seeds, experiment.runs))
        assert [seed for _, seed in wanted] == sorted(seed for _, seed in wanted)
        for run in experiment.runs:
            command = train.parser("")
            options = command.parse_args(["d", "o", *records.options_of(name, run, 0)])
            train.check(options, command)


def test_runs_of_another_set_are_shown_and_not_run_again(tmp_path, tiny, monkeypatch):
    kept, page = tmp_path / "results", tmp_path / "page.md"
    tiny("--epochs", "1")
    more = named_sets.Experiment(
        records.EXPERIMENTS["tiny"].data,
        records.EXPERIMENTS["tiny"].options,
        {"input": "--mixer input"},
        reference="plain",
        borrowed={"plain": "tiny"},
    )
    sets = {**records.EXPERIMENTS, "more": more}
    for module in (experiments, records, report):
        monkeypatch.setattr(module, "EXPERIMENTS", sets)
    marks = "<!-- {0}: begin -->\n<!-- {0}: end -->\n"
    page.write_text(marks.format("tiny") + marks.format("more"))
    assert experiments.run("tiny", tmp_path, 1, 1, kept) == 0
    report.write_report(page, kept)
    assert marks.format("more") in page.read_text()  # no table of borrowed runs alone
    assert experiments.run("more", tmp_path, 1, 1, kept) == 0
    assert len(list(kept.glob("*/*.json"))) == 3
    report.write_report(page, kept)
    table = page.read_text().partition("<!-- more: begin -->")[2]
    assert "| plain | 1 of 3 |" in table
    assert "| input | 1 of 3 |" in table
    assert "1 of 3 runs are complete." in table
    assert "| input | 1 | " in table.partition("Differences from plain")[2]


def test_the_rest_takes_as_long_as_what_was_done():
    hour = 3600
    took = {"a": [hour, 3 * hour], "b": [4 * hour], "c": []}
    waiting = [("a", 2), ("b", 1), ("c", 0)]
    assert experiments.remaining(waiting, took, 1) == "3 runs to go, about 9.0 hours"
    assert experiments.remaining(waiting, took, 2) == "3 runs to go, about 4.5 hours"
    assert experiments.remaining(waiting, {"a": []}, 1) == "3 runs to go"


# what is kept of test images, and what is made of it


@given(rng=numbers(), n=st.integers(1, 40))
def test_numbers_of_images_survive_as_text(rng, n):
    bits, floats = rng.random(n) < 0.5, rng.random(n)
    np.testing.assert_array_equal(unpacked_bits(packed_bits(bits), n), bits)
    np.testing.assert_allclose(unpacked_floats(packed_floats(floats)), floats, rtol=2**-11)


def some_results(rng, seeds, images=60, classes=4):
    found = {}
    for seed in range(seeds):
        rows = rng.dirichlet(np.full(classes, 0.3), images).astype(np.float16).astype(float)
        labels = rng.integers(classes, size=images)
        right = rows.argmax(axis=1) == labels
        found[seed] = {
            "error": 1 - right.mean(),
            "ece": calibration(rows, labels).ece,
            "images": {
                "right": packed_bits(right),
                "confidence": packed_floats(rows.max(axis=1)),
            },
        }
    return found


@given(rng=numbers(), seeds=st.integers(1, 3))
def test_differences_are_those_of_the_results(rng, seeds):
    ours, theirs = some_results(rng, seeds), some_results(rng, 3)
    for name, measure in (("error", paired.error), ("ece", paired.ece)):
        found = paired.difference(ours, theirs, measure)
        gaps = [ours[s][name] - theirs[s][name] for s in range(seeds)]
        assert found.seeds == seeds
        assert found.value == pytest.approx(np.mean(gaps), abs=1e-12)
        assert found.low <= found.high
        other = paired.difference(theirs, ours, measure)
        assert other.value == pytest.approx(-found.value)
    same = paired.difference(ours, ours, paired.error)
    assert (same.value, same.low, same.high) == (0, 0, 0)  # pairs: the same images are drawn
    assert paired.difference({5: ours[0]}, theirs, paired.error) is None


def test_intervals_hold_the_truth_as_often_as_they_say():
    """One seed, so that an image is a trial: 200 differences of two coins of known bias."""
    rng, images, held = np.random.default_rng(0), 100, 0
    for _ in range(200):
        pair = []
        for bias in (0.3, 0.5):
            right = rng.random(images) >= bias
            confidence = packed_floats(np.full(images, 0.5))
            pair.append({0: {"images": {"right": packed_bits(right), "confidence": confidence}}})
        found = paired.difference(*pair, paired.error)
        held += found.low <= -0.2 <= found.high
    assert 180 <= held <= 198


def test_runs_are_pooled_by_counts():
    one = {"counts": [1, 0, 3], "accuracy": [1.0, None, 0.5], "confidence": [0.2, None, 0.8]}
    two = {"counts": [3, 0, 1], "accuracy": [0.0, None, 0.5], "confidence": [0.1, None, 0.9]}
    counts, accuracy, confidence = pictures.pooled([one, two])
    np.testing.assert_array_equal(counts, [4, 0, 4])
    np.testing.assert_allclose(accuracy, [0.25, np.nan, 0.5])
    np.testing.assert_allclose(confidence, [0.125, np.nan, 0.825])
