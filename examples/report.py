"""Tables and pictures of what is kept of runs, written into a page."""

from statistics import fmean, stdev

from named_sets import EXPERIMENTS
from paired import difference, ece, error
from pictures import error_against_time, reliability
from records import RECORDS, kept

from comixup._base.atomic import write_bytes
from comixup.cli.dataset import UsageError

COLUMNS = {  # name in the table: name in the result, factor, digits
    "error %": ("error", 100, 1),
    "training error %": ("error_training", 100, 1),
    "ECE %": ("ece", 100, 1),
    "ECE %, scaled": ("ece_scaled", 100, 1),
    "error %, pixels replaced": ("error_replaced", 100, 1),
    "error %, noise": ("error_noise", 100, 1),
    "localized %": ("localized", 100, 1),
    "and classified %": ("localized_and_classified", 100, 1),
    "mean IoU %": ("iou", 100, 1),
    "sources": ("sources", 1, 2),
    "energy": ("energy", 1, 2),
    "CPU s": ("cpu_seconds", 1, 0),
    "mixer s": ("mixer_seconds", 1, 0),
    "plain epochs": ("plain_epochs", 1, 0),
}


def write_report(page, records=RECORDS):
    """Replace what is between the marks in the page, and the pictures in images/ beside it."""
    text = page.read_text(encoding="utf-8")
    results = {name: _results(records, name) for name in EXPERIMENTS}
    results = {name: found for name, found in results.items() if found}
    for name, found in results.items():
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise UsageError(f"{page} needs the lines {begin} and {end} once each")
        before, rest = text.split(begin)
        text = "\n".join([before + begin, "", *section(name, found), "", end]) + rest.split(end)[1]
    for name, found in results.items():
        for kind, draw in (("time", error_against_time), ("reliability", reliability)):
            path = page.parent / "images" / f"{name}-{kind}.png"
            if path.name in text:  # the page shows it
                path.parent.mkdir(exist_ok=True)
                write_bytes(path, draw(found))
    write_bytes(page, text.encode())


def _results(records, name):
    """Return {run: {seed: result}} of the runs that have results."""
    experiment = EXPERIMENTS[name]
    if not any(kept(records, name, run) for run in experiment.runs):
        return {}  # what is borrowed alone makes no table
    found = {run: kept(records, name, run) for run in (*experiment.borrowed, *experiment.runs)}
    found = {run: of_run for run, of_run in found.items() if of_run}
    for of_run in found.values():
        for result in of_run.values():
            if "plain_seconds" in result:
                plain_epoch = result["plain_seconds"] / result["epochs"]
                result["plain_epochs"] = result["cpu_seconds"] / plain_epoch
    return found


def section(name, found):
    """Return lines of Markdown: the table, and the differences from the reference."""
    experiment = EXPERIMENTS[name]
    every = [result for of_run in found.values() for result in of_run.values()]
    columns = [c for c, (key, _, _) in COLUMNS.items() if any(key in r for r in every)]
    lines = [f"`train.py {experiment.options}`", "", *_head("", "seeds", *columns)]
    for run, of_run in found.items():
        cells = [_cell(list(of_run.values()), *COLUMNS[column]) for column in columns]
        home = EXPERIMENTS[experiment.borrowed.get(run, name)]
        lines.append(_row(run, f"{len(of_run)} of {home.seeds(run)}", *cells))
    done = sum(len(found[run]) for run in experiment.runs if run in found)
    planned = sum(map(experiment.seeds, experiment.runs))
    lines += ["", f"{done} of {planned} runs are complete."]
    missing = [run for run in experiment.runs if run not in found]
    if missing:
        lines.append(f"Not run yet: {'; '.join(missing)}.")
    return lines + differences(found, experiment.reference)


def differences(found, reference):
    """Return lines of Markdown: what other runs have more than the reference, with intervals."""
    others = [run for run in found if run != reference]
    if reference not in found or not others:
        return []
    lines = ["", f"Differences from {reference}, in points, with intervals of 95 %:", ""]
    lines += _head("", "seeds", "error", "ECE")
    for run in others:
        parts = [difference(found[run], found[reference], measure) for measure in (error, ece)]
        if None not in parts:
            cells = [
                f"{100 * p.value:+.1f} ({100 * p.low:+.1f} to {100 * p.high:+.1f})" for p in parts
            ]
            lines.append(_row(run, parts[0].seeds, *cells))
    return lines


def _head(*names):
    return [_row(*names), "|---" * len(names) + "|"]


def _row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def _cell(of_run, key, factor, digits):
    if not all(key in result for result in of_run):
        return ""
    scaled = [factor * result[key] for result in of_run]
    spread = f" ± {stdev(scaled):.{digits}f}" if len(scaled) > 1 else ""
    return f"{fmean(scaled):.{digits}f}{spread}"
