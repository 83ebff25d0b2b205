"""examples/experiments.py runs what is not complete, and writes tables between their marks only."""

import json
import types

import numpy as np
import pytest

pytest.importorskip("torch")

import experiments
import train
from small_runs import SMALL, saved

from comixup.cli.dataset import UsageError


def test_experiments_fill_their_table(tmp_path, monkeypatch):
    times, data = [], saved(tmp_path / "small.npz")

    def in_this_process(command, check):
        return types.SimpleNamespace(returncode=train.main(command[2:]))

    monkeypatch.setattr(experiments.subprocess, "run", in_this_process)
    monkeypatch.setenv("SUBOPT_DATA", str(tmp_path))
    options = " ".join([*SMALL, "--epochs", "1"])
    runs = {"plain": "--mixer none", "cut, paste": "--mixer cutmix"}
    tiny = experiments.Experiment(lambda *_: data, options, runs)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"tiny": tiny})
    for _ in range(2):
        assert experiments.run("tiny", tmp_path, 2, 1) == 0
        paths = sorted((tmp_path / "tiny").glob("*/checkpoint.pt"))
        times.append([path.stat().st_mtime_ns for path in paths])
    assert len(times[0]) == 4
    assert times[0] == times[1]  # all are complete the second time
    page = tmp_path / "page.md"
    page.write_text("Above.\n\n<!-- tiny: begin -->\nold\n<!-- tiny: end -->\n\nBelow.\n")
    for _ in range(2):
        experiments.write_tables(tmp_path, page)
        text = page.read_text()
        assert text.startswith("Above.\n\n<!-- tiny: begin -->\n")
        assert text.endswith("<!-- tiny: end -->\n\nBelow.\n")
        assert "old" not in text
    paths = sorted((tmp_path / "tiny").glob("plain-seed*/result.json"))
    errors = [100 * json.loads(p.read_bytes())["error"] for p in paths]
    assert f"| plain | 2 | {np.mean(errors):.1f} ± {np.std(errors, ddof=1):.1f} |" in text
    # other options below the same name: neither is a folder taken for complete, nor its numbers
    other = tiny._replace(options=options.replace("--epochs 1", "--epochs 2"))
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"tiny": other})
    assert experiments.run("tiny", tmp_path, 1, 1) == 2
    with pytest.raises(UsageError, match=r"plain-seed0 .*epochs was 1, now 2"):
        experiments.write_tables(tmp_path, page)
    assert page.read_text() == text
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"tiny": tiny})
    page.write_text("no marks")
    with pytest.raises(SystemExit):
        experiments.write_tables(tmp_path, page)
    assert page.read_text() == "no marks"
