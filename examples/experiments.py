"""Runs of train.py, a few seeds each, and the tables and pictures that are made of them.

    SUBOPT_DATA=... python examples/experiments.py run overfit RUNS [--processes 2 | --dask ADDRESS]
    python examples/experiments.py report docs/results.md

RUNS is a folder for all runs; the workers of a cluster need to see it, and the data, under the same
paths. The result of each run is kept in a file of its own in docs/results,
to be committed. What has such a file is not run again, what was interrupted continues, and runs of
other settings are refused. A table is written between the lines <!-- NAME: begin --> and
<!-- NAME: end --> of the page, and nowhere else.
"""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from statistics import fmean

import training_runs
from named_sets import EXPERIMENTS
from records import RECORDS, folder_of, keep, kept, options_of, record_of
from report import write_report

from comixup.cli.dataset import UsageError
from subopt.executors import in_chunks


def jobs(name, seeds=None):
    """Return pairs (run, seed), one seed of all first: a table of few seeds is one, too."""
    experiment = EXPERIMENTS[name]
    wanted = {run: experiment.seeds(run) if seeds is None else seeds for run in experiment.runs}
    return [(run, s) for s in range(max(wanted.values())) for run, n in wanted.items() if s < n]


def run(name, root, seeds=None, processes=1, records=RECORDS, executor=None):
    """Run what is not complete, and keep each result; return how many runs failed.

    Runs are processes of this machine, so many at a time, or of the workers of an executor.
    """
    experiment = EXPERIMENTS[name]
    source = os.environ.get("SUBOPT_DATA")
    if not source:
        raise UsageError("SUBOPT_DATA needs to name the folder with the data")
    data = experiment.data(Path(source), root / "data")
    found = {run: kept(records, name, run) for run in experiment.runs}
    waiting = [(run, seed) for run, seed in jobs(name, seeds) if seed not in found[run]]
    took = {run: [r["seconds"] for r in results.values()] for run, results in found.items()}

    def commands(begin, end):
        result = []
        for run, seed in todo[begin:end]:
            where = data[run.partition(",")[0]] if isinstance(data, dict) else data
            script = Path(__file__).with_name("train.py")
            # train.py itself sees what is complete, and whether it is the same run
            options = [*options_of(name, run, seed), "--threads", "1", "--quiet"]
            command = [sys.executable, script, where, folder_of(root, name, run, seed), *options]
            result.append(list(map(str, command)))
        return result

    print(f"{name}: {remaining(waiting, took, processes)}", flush=True)
    failed, todo = 0, list(waiting)
    with ThreadPoolExecutor(processes) if executor is None else nullcontext(executor) as pool:
        chunks = in_chunks(pool, training_runs.train, len(todo), commands)
        for (run, seed), (status, seconds) in zip(todo, chain.from_iterable(chunks), strict=True):
            if status == 0:
                keep(folder_of(root, name, run, seed), record_of(records, name, run, seed))
                took[run].append(seconds)
            failed += status != 0
            waiting.remove((run, seed))
            said = "done" if status == 0 else "FAILED"
            left = remaining(waiting, took, processes)
            print(f"{name}, {run}, seed {seed}: {said}; {left}", flush=True)
    return failed


def remaining(waiting, took, processes):
    """Say how long the rest takes: as long as other seeds of a run took, or else as the mean run.

    `took` has the seconds of all runs that are complete, by name.
    """
    means = {run: fmean(seconds) for run, seconds in took.items() if seconds}
    if not means:
        return f"{len(waiting)} runs to go"
    typical = fmean(means.values())
    seconds = sum(means.get(run, typical) for run, _ in waiting)
    return f"{len(waiting)} runs to go, about {seconds / processes / 3600:.1f} hours"


def run_on(options):
    """Do what the command line asks for, here or on a cluster."""
    if options.dask is None:
        return run(options.name, options.runs, options.seeds, options.processes)
    from distributed import Client

    with Client(options.dask) as client:
        client.upload_file(training_runs.__file__)  # workers import `train` from there
        workers = len(client.scheduler_info(n_workers=-1)["workers"])
        return run(options.name, options.runs, options.seeds, max(1, workers), executor=client)


def main(arguments=None):
    """Run the command line and return its exit status."""
    command_line = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = command_line.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run a named set")
    running.add_argument("name", choices=tuple(EXPERIMENTS))
    running.add_argument("runs", type=Path, help="folder for all runs")
    running.add_argument("--seeds", type=int, help="seeds of each run; 3 or 5 by default")
    running.add_argument("--processes", type=int, default=1, help="runs side by side")
    running.add_argument("--dask", metavar="ADDRESS", help="runs on the workers of this scheduler")
    writing = commands.add_parser("report", help="write tables and pictures")
    writing.add_argument("page", type=Path, help="page with the marks of the tables")
    options = command_line.parse_args(arguments)
    try:
        if options.command == "run":
            return min(1, run_on(options))
        write_report(options.page)
    except (UsageError, OSError) as error:
        print(f"experiments.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
