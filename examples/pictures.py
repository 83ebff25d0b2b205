"""Pictures of results as PNG: error against CPU time, and reliability diagrams."""

import io
from statistics import fmean, stdev

import numpy as np

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#000000")
MARKS = "osD^vPX*"


def error_against_time(found):
    """Return a picture of {run: {seed: result}}: a point per run, bars of a standard deviation.

    Time is in epochs without mixing, so that runs on a busy machine compare with others.
    """
    plt = _pyplot()
    figure, axes = plt.subplots(figsize=(7.2, 4.6), layout="constrained")
    for i, (run, of_run) in enumerate(found.items()):
        results = list(of_run.values())
        costs = [result["plain_epochs"] for result in results]
        errors = [100 * result["error"] for result in results]
        axes.errorbar(
            fmean(costs),
            fmean(errors),
            xerr=stdev(costs) if len(costs) > 1 else None,
            yerr=stdev(errors) if len(errors) > 1 else None,
            fmt=MARKS[i // len(COLORS) % len(MARKS)],
            color=COLORS[i % len(COLORS)],
            capsize=3,
            label=f"{run} ({len(results)} seed{'s' if len(results) > 1 else ''})",
        )
    axes.set_xlabel("CPU time of training, in epochs without mixing")
    axes.set_ylabel("test error, %")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return _png(figure)


def reliability(found):
    """Return a picture of {run: {seed: result}}: a diagram per run, of all its seeds together."""
    plt = _pyplot()
    across = min(4, len(found))
    down = -(-len(found) // across)
    figure, grid = plt.subplots(
        down,
        across,
        figsize=(2.3 * across, 2.5 * down),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    for axes, (run, of_run) in zip(grid.flat, found.items(), strict=False):
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
        for kind, color in (("plain", COLORS[0]), ("scaled", COLORS[1])):
            counts, accuracy, confidence = pooled(
                [result["reliability"][kind] for result in of_run.values()]
            )
            size = 60 * counts / max(1, counts.max())
            full = counts > 0
            label = {"plain": "as trained", "scaled": "temperature scaled"}[kind]
            axes.plot(confidence[full], accuracy[full], color=color, linewidth=1, label=label)
            axes.scatter(confidence[full], accuracy[full], s=size[full], color=color, alpha=0.6)
        axes.set_title(run, fontsize=8)
        axes.set_aspect("equal")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
    figure.supxlabel("confidence", fontsize=9)
    figure.supylabel("accuracy", fontsize=9)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2,
                  fontsize=8, frameon=False)  # fmt: skip
    return _png(figure)


def pooled(bins):
    """Return counts, accuracy and confidence of bins of several runs together, NaN if empty."""
    counts = np.array([b["counts"] for b in bins], dtype=np.float64)
    total = counts.sum(axis=0)
    means = []
    for name in ("accuracy", "confidence"):
        values = np.array([b[name] for b in bins], dtype=np.float64)  # None becomes NaN
        with np.errstate(invalid="ignore"):
            means.append(np.where(counts > 0, counts * values, 0).sum(axis=0) / total)
    return total, *means


def _pyplot():
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    return plt


def _png(figure):
    import matplotlib.pyplot as plt

    stream = io.BytesIO()
    figure.savefig(stream, dpi=110, metadata={"Software": None})
    plt.close(figure)
    return stream.getvalue()
