"""Runs of train.py, a few seeds each, and the tables of docs/results.md that are made of them.

    SUBOPT_DATA=... python examples/experiments.py run cifar RUNS [--seeds 3] [--processes 1]
    python examples/experiments.py table RUNS docs/results.md

RUNS is a folder for all runs. What is complete is not run again, what was interrupted continues,
and runs of other settings are refused. A table is written between the lines <!-- NAME: begin -->
and <!-- NAME: end -->, and nowhere else.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from command_line import parser, settings_of
from prepare_data import digits, tiny_imagenet
from run_folder import RESULT, SETTINGS, changed, read_json

from comixup._base.atomic import write_bytes
from comixup.cli.dataset import UsageError

COMIXUP = {
    "Co-Mixup, published update rule": "--mixer comixup --solver published",
    "Co-Mixup, effort fast": "--mixer comixup --effort fast",
    "Co-Mixup, effort default": "--mixer comixup --effort default",
}
COLUMNS = {  # name in the table: name in result.json, factor, digits
    "error %": ("error", 100, 1),
    "ECE %": ("ece", 100, 1),
    "error %, pixels replaced": ("error_replaced", 100, 1),
    "error %, noise": ("error_noise", 100, 1),
    "localized %": ("localized", 100, 1),
    "and classified %": ("localized_and_classified", 100, 1),
    "mean IoU %": ("iou", 100, 1),
    "sources": ("sources", 1, 2),
    "energy": ("energy", 1, 2),
    "CPU s": ("cpu_seconds", 1, 0),
}


class Experiment(NamedTuple):
    """What is trained on what: options of all runs, and those of each."""

    data: object  # (folder of the data, folder for what is made of it) -> what train.py gets
    options: str
    runs: dict[str, str]


EXPERIMENTS = {
    "cifar": Experiment(
        lambda data, made: data / "cifar100_subset.npz",
        "--classes 10 --per-class 100 --arch resnet8 --epochs 40 --schedule cosine --batch 40 "
        "--eval-every 10",
        {
            "vanilla": "--mixer none",
            "Input Mixup": "--mixer input",
            "CutMix": "--mixer cutmix",
            "Puzzle Mix": "--mixer puzzle",
            **COMIXUP,
        },
    ),
    "tiny-imagenet": Experiment(
        tiny_imagenet,
        "--per-class 50 --arch resnet8 --epochs 15 --schedule cosine --batch 40 --eval-every 5",
        {
            "vanilla": "--mixer none",
            "CutMix": "--mixer cutmix",
            "Co-Mixup": "--mixer comixup",
        },
    ),
    "audio": Experiment(
        digits,
        "--per-class 12 --arch resnet8 --epochs 100 --schedule cosine --batch 20 --no-flip "
        "--eval-every 10",
        {
            "2-D, vanilla": "--mixer none --crop 2x4",
            "2-D, CutMix": "--mixer cutmix --crop 2x4",
            "2-D, Co-Mixup, 4x4 patches of frequency x time": "--mixer comixup --crop 2x4",
            "2-D, Co-Mixup, 1x16 patches of time": "--mixer comixup --crop 2x4 --grid 1x16",
            "1-D, vanilla": "--mixer none",
            "1-D, Co-Mixup, 16 patches of time": "--mixer comixup --grid 16",
        },
    ),
}


def folder_of(root, name, run, seed):
    """Return the folder of one run."""
    short = "".join(c if c.isalnum() else "-" for c in run.lower())
    return root / name / f"{short}-seed{seed}"


def options_of(name, run, seed):
    """Return the options of one run, as they are said to train.py."""
    experiment = EXPERIMENTS[name]
    return [*experiment.options.split(), *experiment.runs[run].split(), "--seed", str(seed)]


def run(name, root, seeds, processes):
    """Run what is not complete; return how many runs failed."""
    experiment = EXPERIMENTS[name]
    source = os.environ.get("SUBOPT_DATA")
    if not source:
        sys.exit("SUBOPT_DATA needs to name the folder with the data")
    data = experiment.data(Path(source), root / "data")
    # one seed of all first: a table of few seeds is one, too
    jobs = [(run, seed) for seed in range(seeds) for run in experiment.runs]

    def work(job):
        run, seed = job
        folder = folder_of(root, name, run, seed)
        where = data[run.partition(",")[0]] if isinstance(data, dict) else data
        script = Path(__file__).with_name("train.py")
        # train.py itself sees what is complete, and whether it is the same run
        options = [*options_of(name, run, seed), "--threads", "1", "--quiet"]
        command = [sys.executable, script, where, folder, *options]
        status = subprocess.run(list(map(str, command)), check=False).returncode
        print(f"{name}, {run}, seed {seed}: {'done' if status == 0 else 'FAILED'}", flush=True)
        return int(status != 0)

    with ThreadPoolExecutor(processes) as pool:
        return sum(pool.map(work, jobs))


def table(name, root):
    """Return the lines of a table in Markdown: mean and standard deviation over the seeds."""
    experiment = EXPERIMENTS[name]
    results = {run: _results(root, name, run) for run in experiment.runs}
    every = [result for of_run in results.values() for result in of_run]
    if not every:
        return None
    columns = [c for c, (key, _, _) in COLUMNS.items() if any(key in r for r in every)]
    lines = [f"`train.py {experiment.options}`", ""]
    lines += ["| | seeds | " + " | ".join(columns) + " |", "|---" * (2 + len(columns)) + "|"]
    for run, of_run in results.items():
        if of_run:
            cells = [_cell(of_run, *COLUMNS[column]) for column in columns]
            lines.append(f"| {run} | {len(of_run)} | " + " | ".join(cells) + " |")
    return lines


def _results(root, name, run):
    paths = sorted(root.glob(f"{name}/{folder_of(root, name, run, '*').name}/{RESULT}"))
    return [_checked(name, run, path.parent) for path in paths]


def _checked(name, run, folder):
    """Return the result of a folder, if its settings are those that the table will name."""
    options = options_of(name, run, folder.name.rpartition("seed")[2])
    found = read_json(folder / SETTINGS)
    wanted = settings_of(parser("").parse_args(["", "", *options]))
    changes = changed(found, {**wanted, "data_sha256": found.get("data_sha256")})
    if changes:
        raise UsageError(
            f"{folder} holds a run with other settings ({changes}). Remove it, and run it again."
        )
    return read_json(folder / RESULT)


def _cell(of_run, key, factor, digits):
    if not all(key in result for result in of_run):
        return ""
    scaled = [factor * result[key] for result in of_run]
    spread = f" ± {stdev(scaled):.{digits}f}" if len(scaled) > 1 else ""
    return f"{fmean(scaled):.{digits}f}{spread}"


def write_tables(root, page):
    """Replace what is between the marks in the page."""
    text = page.read_text(encoding="utf-8")
    for name in EXPERIMENTS:
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        lines = table(name, root)
        if lines is None:
            continue
        if text.count(begin) != 1 or text.count(end) != 1:
            sys.exit(f"{page} needs the lines {begin} and {end} once each")
        before, rest = text.split(begin)
        text = "\n".join([before + begin, "", *lines, "", end]) + rest.split(end)[1]
    write_bytes(page, text.encode())


def main():
    """Run the command line."""
    command_line = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = command_line.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run")
    running.add_argument("name", choices=tuple(EXPERIMENTS))
    running.add_argument("runs", type=Path)
    running.add_argument("--seeds", type=int, default=3)
    running.add_argument("--processes", type=int, default=1)
    writing = commands.add_parser("table")
    writing.add_argument("runs", type=Path)
    writing.add_argument("page", type=Path)
    options = command_line.parse_args()
    if options.command == "run":
        failed = run(options.name, options.runs, options.seeds, options.processes)
        sys.exit(1 if failed else 0)
    try:
        write_tables(options.runs, options.page)
    except (UsageError, OSError) as error:
        sys.exit(f"experiments.py: {error}")


if __name__ == "__main__":
    main()
