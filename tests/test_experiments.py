"""examples/experiments.py runs what is not complete, and writes tables between their marks only."""

import json
import types

import numpy as np
import pytest

pytest.importorskip("torch")

import experiments
import train
from small_runs import SMALL, saved


def test_experiments_fill_their_table(tmp_path, monkeypatch):
    calls, data = [], saved(tmp_path / "small.npz")

    def in_this_process(command, check):
        calls.append(command)
        return types.SimpleNamespace(returncode=train.main(command[2:]))

    monkeypatch.setattr(experiments.subprocess, "run", in_this_process)
    monkeypatch.setenv("SUBOPT_DATA", str(tmp_path))
    options = " ".join([*SMALL, "--epochs", "1"])
    runs = {"plain": "--mixer none", "cut, paste": "--mixer cutmix"}
    tiny = experiments.Experiment(lambda *_: data, options, runs)
    monkeypatch.setattr(experiments, "EXPERIMENTS", {"tiny": tiny})
    for _ in range(2):
        assert experiments.run("tiny", tmp_path, 2, 1) == 0
        assert len(calls) == 4  # all are complete the second time
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
    page.write_text("no marks")
    with pytest.raises(SystemExit):
        experiments.write_tables(tmp_path, page)
    assert page.read_text() == "no marks"
