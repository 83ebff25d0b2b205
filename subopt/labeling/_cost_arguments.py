"""Costs of labeling energies, read from callers and checked: of nodes, pairs and labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike

LARGEST = 1e60  # of all finite numbers: sums and products of two of them are still finite
LABELS = 64  # more labels than this, and few cells along the first axis, look like labels first
FEW = 3  # so does a first axis of at least 2, that many times shorter than all others,
SHORT = 15  # which are longer than this


def unary_costs(unary: ArrayLike, label_axis: int | None, *, is_grid: bool) -> Array:
    """Return unary costs with the labels last."""
    costs = numbers("unary", unary)
    if costs.ndim < 2 or 0 in costs.shape:
        raise ValueError(
            "unary needs the shape (*grid, labels) or (nodes, labels) with no empty axis, got "
            f"{costs.shape}"
        )
    if label_axis is not None:
        wanted = f"label_axis needs to be an axis of unary, {-costs.ndim} to {costs.ndim - 1}"
        if isinstance(label_axis, bool) or not isinstance(label_axis, int | np.integer):
            raise TypeError(f"{wanted}, got {label_axis!r}")
        if not -costs.ndim <= label_axis < costs.ndim:
            raise ValueError(f"{wanted}, got {label_axis}")
        return np.ascontiguousarray(np.moveaxis(costs, label_axis, -1))
    first, last = costs.shape[0], costs.shape[-1]
    many = last > LABELS and 4 * first < last
    few = first > 1 and max(FEW * first, SHORT) < min(costs.shape[1:])
    if is_grid and costs.ndim > 2 and (many or few):
        raise ValueError(
            f"unary of shape {costs.shape} has {last} labels at each node of a grid "
            f"{costs.shape[:-1]}, or {first} labels at each of {costs.shape[1:]}: say "
            "label_axis=-1 or label_axis=0"
        )
    return costs


def require_no(name: str, **others: Any) -> None:
    """Raise if an argument comes together with others that it excludes."""
    for other, value in others.items():
        if value is not None and not (other == "metric" and isinstance(value, str)):
            why = "label costs count all nodes" if other == "label_costs" else "give one of them"
            raise ValueError(f"{name} cannot be combined with {other}: {why}")
        if other == "metric" and value not in (None, "potts"):
            raise ValueError(f"{name} cannot be combined with {other}: give one of them")


def is_single(tables: Any) -> bool:
    """Tell whether tables come as an array of single precision, or less."""
    first = tables[0] if isinstance(tables, list | tuple) and len(tables) else tables
    return getattr(first, "dtype", None) in (np.float32, np.float16)


def numbers(name: str, values: ArrayLike) -> Array:
    """Return costs as a C-contiguous float64 array of numbers or +inf, or name the wrong entry."""
    if validate.is_masked(values):
        raise TypeError(f"{name} is a masked array; fill it, with np.inf for forbidden labels")
    array = np.ascontiguousarray(validate.numeric(name, values), dtype=np.float64)
    if array.size and not array.min() > -np.inf:  # NaN compares as false
        bad = ~(array > -np.inf)
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} needs numbers, or np.inf for what is forbidden, but "
            f"{name}[{', '.join(map(str, index))}] is {array[index]} ({int(bad.sum())} such "
            "entries)"
        )
    return array


def require_sums(name: str, values: Array) -> None:
    """Raise if finite numbers are so large that sums of them may not be finite."""
    if not values.size:
        return
    most = values.max()
    if most == np.inf:
        most = values.max(where=np.isfinite(values), initial=-np.inf)
    if max(most, -values.min()) > LARGEST:
        large = np.isfinite(values) & (np.abs(values) > LARGEST)
        raise ValueError(
            f"{name} needs numbers up to {LARGEST:g}, so that sums are finite, got "
            f"{values[large].flat[0]:g}. To forbid a label or a pair, use np.inf."
        )


def fix(costs: Array, fixed: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Return the costs (labels, nodes) with all but the fixed label of a node forbidden."""
    labels = validate.rectangular("fixed", fixed)
    n_labels, n = costs.shape
    if labels.shape not in (shape, (n,)) or labels.dtype.kind not in "iu":
        raise ValueError(
            f"fixed needs integers of shape {shape}, -1 for free nodes, got dtype {labels.dtype} "
            f"and shape {labels.shape}"
        )
    bad = np.argwhere((labels < -1) | (labels >= n_labels))
    if len(bad):
        index = tuple(map(int, bad[0]))
        raise ValueError(
            f"fixed needs labels in 0..{n_labels - 1}, or -1, but "
            f"fixed[{', '.join(map(str, index))}] is {labels[index]}"
        )
    labels = labels.ravel()
    other = (labels >= 0) & (np.arange(n_labels)[:, None] != labels)
    return np.where(other, np.inf, costs)


def require_a_label(costs: Array, shape: tuple[int, ...]) -> None:
    """Raise if all labels of a node are forbidden."""
    lost = np.isposinf(costs).all(axis=0) if costs.max() == np.inf else np.zeros(1, bool)
    if lost.any():
        index = tuple(map(int, np.unravel_index(int(np.argmax(lost)), shape)))
        raise ValueError(
            f"unary and fixed need to allow a label at every node, but at node "
            f"{index if len(index) > 1 else index[0]} all are infinite"
        )


def require_no_reward(tables: Array, weights: Array) -> None:
    """Raise if an edge would be infinitely cheap, or allow no pair of labels at all."""
    if not tables.size or tables.max() < np.inf:
        return
    forbidden = np.isposinf(tables)
    wrong = (weights < 0) & forbidden.any(axis=(1, 2))
    if wrong.any():
        e = int(np.argmax(wrong))
        raise ValueError(
            "An infinite entry of the table needs weights >= 0, but weights of edge "
            f"{e} is {weights[e]:g}"
        )
    all_forbidden = forbidden.all(axis=(1, 2))
    if all_forbidden.any():
        name = "metric" if len(tables) == 1 else f"tables[{int(np.argmax(all_forbidden))}]"
        raise ValueError(f"{name} needs a finite entry: a table that forbids all pairs has no use")


def common_table(metric: str | ArrayLike, truncation: float | None, L: int) -> Array:
    """Return the table of pairs of labels that all edges share, (L, L)."""
    if not isinstance(metric, str):
        if truncation is not None:
            raise ValueError(
                "truncation is for metric 'linear' or 'quadratic'; truncate a table yourself with "
                "np.minimum"
            )
        table = numbers("metric", metric)
        if table.shape != (L, L):
            raise ValueError(
                f"metric needs a table of shape (labels, labels) = {(L, L)}, got {table.shape}"
            )
        return np.array(table)
    validate.choice("metric", metric, ("potts", "linear", "quadratic"))
    apart = np.abs(np.subtract.outer(np.arange(L), np.arange(L))).astype(np.float64)
    if metric == "potts":
        if truncation is not None:
            raise ValueError("metric 'potts' takes no truncation; scale it with weights")
        return np.minimum(apart, 1.0)
    table = apart if metric == "linear" else apart**2
    if truncation is None:
        return table
    return np.minimum(table, validate.nonnegative("truncation", truncation))


def costs_of_labels(label_costs: ArrayLike, L: int) -> Array:
    """Return the cost of using each label, (L,)."""
    costs = numbers("label_costs", label_costs)
    if np.isinf(costs).any():
        raise ValueError(
            f"label_costs needs finite numbers, but label_costs[{int(np.argmax(costs))}] is inf. "
            "To forbid a label, set its unary costs to np.inf."
        )
    if costs.shape != (L,):
        raise ValueError(f"label_costs needs the shape (labels,) = {(L,)}, got {costs.shape}")
    if (costs < 0).any():
        l = int(np.argmin(costs))
        raise ValueError(
            f"label_costs needs numbers >= 0, but label_costs[{l}] is {costs[l]:g}. A reward for "
            "using a label makes the problem hard for every method here."
        )
    return costs
