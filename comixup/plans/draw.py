"""Pictures of a group: inputs, saliency, outputs with outlined sources, soft labels as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from comixup._base import validate
from comixup._base.optional import require
from comixup._base.patch_grid import patch_edges
from comixup._base.types import Array, ArrayLike
from comixup.plans.labels import as_label_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BARS = 4
_INK, _PALE = "#222222", "#8a8a8a"


class GroupedPlan(Protocol):
    """What is drawn: a plan of patches whose outputs come in groups, as `MixPlan`."""

    @property
    def sources(self) -> Array:
        r"""Inputs that fill each patch, (B, \*grid, levels)."""

    @property
    def group_edges(self) -> Array:
        """First output of every group, and B."""

    @property
    def shares(self) -> Array:
        """Part of output j that input i fills, (B, B)."""

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of patches along every spatial axis."""

    @property
    def n_groups(self) -> int:
        """Number of groups."""

    def __len__(self) -> int:
        """Return the number B of outputs."""

    def apply(self, array: ArrayLike, *, channels: str = "first") -> Any:
        """Mix images."""


def draw_group(
    plan: GroupedPlan,
    images: ArrayLike,
    channels: str,
    labels: ArrayLike | None,
    names: Sequence[str] | None,
    saliency: ArrayLike | None,
    group: int,
) -> Figure:
    """Draw one group of a plan; see `MixPlan.draw`."""
    batch, spatial = validate.image_batch(images, channels)
    validate.same_batch("images", batch, len(plan), "inputs of the plan")
    if len(spatial) != 2 or batch.shape[1 if channels == "first" else -1] not in (1, 3):
        raise ValueError(
            "draw needs images with 2 spatial dimensions and 1 or 3 channels, got the shape "
            f"{batch.shape} with channels={channels!r}"
        )
    if validate.integer("group", group, 0) >= plan.n_groups:
        raise ValueError(f"group needs a number in 0..{plan.n_groups - 1}, got {group}")
    rows, names = _label_rows(plan, labels, names)
    maps = None if saliency is None else _maps(plan, saliency)
    members = range(plan.group_edges[group], plan.group_edges[group + 1])
    mixed = _displayable(plan.apply(batch, channels=channels), channels)
    inputs = _displayable(batch, channels)
    figure, grid = _canvas(len(members), spatial, maps is not None)
    colors = _colors(len(members))
    for column, j in enumerate(members):
        axes = iter(grid[:, column])
        _show_input(next(axes), inputs[j], colors[column], _title(rows[j], names))
        if maps is not None:
            _show_saliency(next(axes), inputs[j], maps[j], plan.grid)
        ax = next(axes)
        _show(ax, mixed[j])
        _outline(ax, plan.sources[j] - members[0], spatial, colors)
        _bars(next(axes), plan.shares[j], rows, names, members[0], colors)
    for ax, text in zip(grid[:, 0], _row_titles(maps is not None), strict=True):
        ax.text(-0.12, 0.5, text, transform=ax.transAxes, rotation=90, ha="center", va="center",
                fontsize=11, color=_INK)  # fmt: skip
    return figure


def _row_titles(with_saliency: bool) -> list[str]:
    return ["inputs", *(["saliency"] if with_saliency else []), "mixed", "labels"]


def _label_rows(
    plan: GroupedPlan, labels: ArrayLike | None, names: Sequence[str] | None
) -> tuple[Array, list[str]]:
    if labels is None:
        rows = np.eye(len(plan))
    else:
        given = np.asarray(labels)
        least = 1 + int(given.max()) if given.ndim == 1 and given.dtype.kind in "iu" else None
        K = max(least, len(names)) if least is not None and names is not None else least
        rows = as_label_matrix(labels, len(plan), K)
    texts = [str(k) for k in range(rows.shape[1])] if names is None else [str(n) for n in names]
    if len(texts) != rows.shape[1]:
        raise ValueError(
            f"names needs one name for each of the {rows.shape[1]} "
            f"{'inputs' if labels is None else 'classes'}, got {len(texts)}"
        )
    return rows, texts


def _maps(plan: GroupedPlan, saliency: ArrayLike) -> Array:
    maps = validate.as_array("saliency", saliency, "numbers of shape (batch, *spatial)")
    validate.same_batch("saliency", maps, len(plan), "inputs of the plan")
    if maps.ndim != 3:
        raise ValueError(f"saliency needs 2 spatial dimensions to be drawn, got {maps.shape}")
    return maps


def _displayable(images: Array, channels: str) -> Array:
    """Return images as (B, H, W, 3) floats in 0..1."""
    x = np.moveaxis(images, 1, -1) if channels == "first" else images
    x = x.astype(np.float64)
    if images.dtype == np.uint8:
        x = x / 255
    elif x.min() < 0 or x.max() > 1:
        x = (x - x.min()) / (x.max() - x.min())
    return np.broadcast_to(x, (*x.shape[:3], 3))


def _title(row: Array, names: list[str]) -> str:
    present = np.flatnonzero(row > 0)
    return " + ".join(names[k] for k in present[:2]) + (" ..." if len(present) > 2 else "")


def _colors(m: int) -> list[Any]:
    colormaps = require("matplotlib", "drawing").colormaps
    if m <= 8:
        return [colormaps["Set1"](k) for k in (0, 1, 2, 4, 7, 3, 6, 8)][:m]
    return [colormaps["hsv"](k / m) for k in range(m)]


def _canvas(m: int, spatial: tuple[int, ...], with_saliency: bool) -> tuple[Figure, Array]:
    Figure = require("matplotlib.figure", "drawing").Figure
    pictures = 2 + with_saliency
    aspect = spatial[0] / spatial[1]
    side = 1.75
    heights = [aspect] * pictures + [0.52]
    height = side * (sum(heights) + 0.16 * len(heights)) + 0.25
    figure = Figure(figsize=(side * 1.06 * m + 0.45, height), dpi=120, facecolor="white")
    grid = figure.subplots(
        len(heights), m, squeeze=False,
        gridspec_kw={"height_ratios": heights, "hspace": 0.07, "wspace": 0.06},
    )  # fmt: skip
    width = side * 1.06 * m + 0.45
    figure.subplots_adjust(
        left=0.4 / width, right=1 - 0.05 / width, top=1 - 0.28 / height, bottom=0.05 / height
    )
    for ax in grid.flat:
        ax.set_axis_off()
    return figure, grid


def _show(ax: Axes, image: Array, **options: Any) -> None:
    h, w = image.shape[:2]
    ax.imshow(image, extent=(0, w, h, 0), interpolation="antialiased", **options)


def _show_input(ax: Axes, image: Array, color: Any, title: str) -> None:
    _show(ax, image)
    h, w = image.shape[:2]
    ax.plot([0, w, w, 0, 0], [0, 0, h, h, 0], color=color, linewidth=5, clip_on=True)
    ax.set_title(title, fontsize=10, color=_INK, pad=3)


def _show_saliency(ax: Axes, image: Array, saliency: Array, grid: tuple[int, ...]) -> None:
    h, w = image.shape[:2]
    _show(ax, image.mean(axis=-1), cmap="gray", vmin=-0.3, vmax=1.3)
    ax.imshow(saliency, extent=(0, w, h, 0), cmap="inferno", alpha=0.62, interpolation="bilinear")
    for y in patch_edges(h, grid[0])[1:-1]:
        ax.axhline(y, color="white", linewidth=0.4, alpha=0.6)
    for x in patch_edges(w, grid[1])[1:-1]:
        ax.axvline(x, color="white", linewidth=0.4, alpha=0.6)


def _outline(ax: Axes, sources: Array, spatial: tuple[int, ...], colors: list[Any]) -> None:
    """Draw, just inside every region of one source, its border in the color of the source."""
    ys, xs = (patch_edges(s, g) for s, g in zip(spatial, sources.shape[:2], strict=True))
    inset = 0.011 * max(spatial)
    beyond = np.pad(sources, ((1, 1), (1, 1), (0, 0)), constant_values=-1)
    for r, c in np.ndindex(*sources.shape[:2]):
        here = sources[r, c]
        top, bottom, left, right = ys[r], ys[r + 1], xs[c], xs[c + 1]
        differs = {
            side: bool((beyond[r + 1 + dr, c + 1 + dc] != here).any())
            for side, (dr, dc) in {"t": (-1, 0), "b": (1, 0), "l": (0, -1), "r": (0, 1)}.items()
        }
        # A border that turns a corner meets the next one; one that goes on runs to the patch edge.
        y0, y1 = top + inset * differs["t"], bottom - inset * differs["b"]
        x0, x1 = left + inset * differs["l"], right - inset * differs["r"]
        lines = {"t": ((x0, x1), (y0, y0)), "b": ((x0, x1), (y1, y1)),
                 "l": ((x0, x0), (y0, y1)), "r": ((x1, x1), (y0, y1))}  # fmt: skip
        for side in (s for s, is_border in differs.items() if is_border):
            ax.plot(*lines[side], color=colors[here[0]], linewidth=2.4, solid_capstyle="projecting")
            if here[0] != here[-1]:  # half of each: both colors in turn
                ax.plot(*lines[side], color=colors[here[-1]], linewidth=2.4, linestyle=(0, (2, 2)))


def _bars(
    ax: Axes, share: Array, rows: Array, names: list[str], start: int, colors: list[Any]
) -> None:
    """Draw the largest entries of one mixed label, each in the color of its largest source."""
    ax.set_xlim(0, 1)
    ax.set_ylim(_BARS, -0.15)
    contribution = share[:, None] * rows
    label = contribution.sum(axis=0)
    order = [k for k in np.argsort(-label, kind="stable")[:_BARS] if label[k] > 0]
    for position, k in enumerate(order):
        color = colors[int(contribution[:, k].argmax()) - start]
        ax.barh(position + 0.5, min(1.0, label[k]), height=0.8, color=color, alpha=0.55)
        ax.text(0.03, position + 0.53, f"{names[k]}  {label[k]:.0%}", va="center", fontsize=8.5,
                color=_INK, clip_on=True)  # fmt: skip
    hidden = int((label > 0).sum()) - len(order)
    if hidden > 0:
        ax.text(0.99, _BARS - 0.45, f"+{hidden}", ha="right", va="center", fontsize=8, color=_PALE)
