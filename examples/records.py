"""Results that are kept: one small file per run, with the settings that it had."""

import json
from pathlib import Path

from command_line import parser, settings_of
from named_sets import EXPERIMENTS
from run_folder import RESULT, SETTINGS, changed, read_json

from comixup._base.atomic import write_bytes
from comixup.cli.dataset import UsageError

RECORDS = Path(__file__).parents[1] / "docs" / "results"


def slug(run):
    """Return a name for files."""
    return "".join(c if c.isalnum() else "-" for c in run.lower())


def folder_of(root, name, run, seed):
    """Return the folder of one run."""
    return root / name / f"{slug(run)}-seed{seed}"


def record_of(records, name, run, seed):
    """Return the file that keeps the result of one run."""
    return records / name / f"{slug(run)}-seed{seed}.json"


def options_of(name, run, seed):
    """Return the options of one run, as they are said to train.py."""
    experiment = EXPERIMENTS[name]
    return [*experiment.options.split(), *experiment.runs[run].split(), "--seed", str(seed)]


def keep(folder, path):
    """Write settings and result of a complete run into one small file."""
    found = {"settings": read_json(folder / SETTINGS), "result": read_json(folder / RESULT)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(found) + "\n").encode())


def kept(records, name, run):
    """Return {seed: result} of one run, with the settings that it is said to have."""
    name = EXPERIMENTS[name].borrowed.get(run, name)
    start = f"{slug(run)}-seed"
    paths = sorted(records.glob(f"{name}/{start}*.json"))
    seeds = sorted(int(path.stem.removeprefix(start)) for path in paths)
    return {seed: _checked(records, name, run, seed) for seed in seeds}


def _checked(records, name, run, seed):
    path = record_of(records, name, run, seed)
    found = read_json(path)
    wanted = settings_of(parser("").parse_args(["", "", *options_of(name, run, seed)]))
    settings = found["settings"]
    changes = changed(settings, {**wanted, "data_sha256": settings.get("data_sha256")})
    if changes:
        raise UsageError(
            f"{path} records a run with other settings ({changes}). Remove it, and run it again."
        )
    return {**found["result"], "epochs": settings["epochs"]}
