"""A plan as a dict of arrays: checks, the ``.npz`` file, concatenation, and a table."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from comixup._base import validate
from comixup._base.patch_grid import require_fit
from comixup._base.streams import require_seed
from comixup._base.types import Array
from comixup.plans import saved
from comixup.plans.gather import patch_shapes

NAMES = ("sources", "group_edges", "energies", "spatial", "seed", "keys", "moves")
_NEEDED = NAMES[:-1]  # moves may be absent
_ROWS = 20


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a `MixPlan` in their exact types, or say which does not fit."""
    sources = np.asarray(given["sources"])
    if sources.dtype.kind not in "iu" or not 3 <= sources.ndim <= 5 or 0 in sources.shape:
        raise ValueError(
            "sources needs integers of shape (batch, *grid, levels) with a grid of 1 to 3 "
            f"dimensions and no empty axis, got dtype {sources.dtype} and shape {sources.shape}"
        )
    if sources.shape[-1] > 2:
        raise ValueError(f"sources needs 1 or 2 levels, got {sources.shape[-1]}")
    edges = np.array(given["group_edges"])
    n = len(sources)
    ordered = edges.ndim == 1 and len(edges) > 1 and edges.dtype.kind in "iu"
    if not ordered or edges[0] != 0 or edges[-1] != n or (np.diff(edges) < 1).any():
        raise ValueError(f"group_edges needs increasing integers from 0 to {n}, got {edges}")
    sizes = np.diff(edges)
    column = (-1,) + (1,) * (sources.ndim - 1)
    start = np.repeat(edges[:-1], sizes).reshape(column)
    stop = np.repeat(edges[1:], sizes).reshape(column)
    outside = (sources < start) | (sources >= stop)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"sources needs inputs of the output's own group, {start.flat[index[0]]} to "
            f"{stop.flat[index[0]] - 1} for output {index[0]}, but "
            f"sources[{', '.join(map(str, index))}] is {sources[index]}"
        )
    grid = sources.shape[1:-1]
    spatial = tuple(validate.integer("spatial", s, 1) for s in given["spatial"])
    if len(spatial) != len(grid):
        raise ValueError(f"spatial needs {len(grid)} axes as the grid {grid} has, got {spatial}")
    require_fit("spatial", spatial, grid)
    return {
        "sources": np.array(sources, dtype=np.intp, order="C"),
        "group_edges": edges.astype(np.int64),
        "energies": _per_group("energies", given["energies"], (len(sizes),), "iuf", np.float64),
        "spatial": spatial,
        "seed": require_seed("seed", given["seed"]),
        "keys": _per_group("keys", given["keys"], (len(sizes), 2), "iu", np.int64),
        "moves": _checked_moves(given["moves"], sources, spatial),
    }


def _checked_moves(moves: Any, sources: Array, spatial: tuple[int, ...]) -> Array | None:
    if moves is None:
        return None
    array = np.asarray(moves)
    grid = sources.shape[1:-1]
    N = math.prod(grid)
    if array.dtype.kind not in "iu" or array.shape != sources.shape:
        raise ValueError(
            f"moves needs integers of the shape {sources.shape} of sources, got dtype "
            f"{array.dtype} and shape {array.shape}"
        )
    outside = (array < 0) | (array >= N)
    if outside.any():
        index = tuple(int(i) for i in np.argwhere(outside)[0])
        raise ValueError(
            f"moves needs flat indices of patches in 0..{N - 1}, but "
            f"moves[{', '.join(map(str, index))}] is {array[index]}"
        )
    shapes = patch_shapes(spatial, grid)
    wrong = shapes[array] != shapes.reshape(*grid, 1)
    if wrong.any():
        index = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(
            f"moves needs patches of the same size, but moves[{', '.join(map(str, index))}] is "
            f"{array[index]}, whose size on {spatial} pixels is another"
        )
    return np.array(array, dtype=np.intp, order="C")


def _per_group(name: str, values: Any, shape: tuple[int, ...], kinds: str, dtype: type) -> Array:
    array = np.array(values)
    if array.shape != shape or array.dtype.kind not in kinds:
        raise ValueError(
            f"{name} needs the shape {shape}, one row per group, got dtype {array.dtype} and shape "
            f"{array.shape}"
        )
    return array.astype(dtype)


def save(plan: Mapping[str, Any], path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Write the fields of a plan to `path`, by way of a temporary file in the same folder."""
    entries: dict[str, Any] = {
        "sources": plan["sources"].astype(np.min_scalar_type(len(plan["sources"]))),
        "group_edges": plan["group_edges"],
        "energies": plan["energies"],
        "spatial": np.array(plan["spatial"]),
        "seed": np.array(str(plan["seed"])),  # may have any number of bits
        "keys": plan["keys"],
    }
    if plan["moves"] is not None:
        entries["moves"] = plan["moves"]
    saved.write(path, entries, overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the fields of a plan from `path`."""
    fields = saved.read(path, "MixPlan", _NEEDED)
    try:
        return {
            **{key: fields[key] for key in _NEEDED},
            "spatial": tuple(int(s) for s in fields["spatial"]),
            "seed": int(str(fields["seed"])),
            "moves": fields.get("moves"),
        }
    except (ValueError, TypeError) as error:
        raise saved.not_a_plan(path, error) from error


def joined(plans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the fields of the plan for the concatenated batch, see `MixPlan.concatenate`."""
    if not plans:
        raise ValueError("concatenate needs at least one plan, got none")
    alike = [_shared(plan) for plan in plans]
    for i, found in enumerate(alike):
        for name, value in found.items():
            if value != alike[0][name]:
                raise ValueError(
                    f"concatenate needs plans of the same {name}, but plans[{i}] has {value} and "
                    f"plans[0] has {alike[0][name]}"
                )
    *offsets, total = itertools.accumulate((len(p["sources"]) for p in plans), initial=0)
    pairs = list(zip(plans, offsets, strict=True))
    still = all(p["moves"] is None for p in plans)
    return {
        "sources": np.concatenate([p["sources"] + at for p, at in pairs]),
        "group_edges": np.concatenate([*(p["group_edges"][:-1] + at for p, at in pairs), [total]]),
        "energies": np.concatenate([p["energies"] for p in plans]),
        "spatial": plans[0]["spatial"],
        "seed": plans[0]["seed"],
        "keys": np.concatenate([p["keys"] for p in plans]),
        "moves": None if still else np.concatenate([origins(p) for p in plans]),
    }


def _shared(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return what plans that are joined have in common."""
    shape = plan["sources"].shape
    return {
        "grid": shape[1:-1],
        "levels": shape[-1],
        "spatial": plan["spatial"],
        "seed": plan["seed"],
    }


def origins(plan: Mapping[str, Any]) -> Array:
    r"""Return the patch of the source that fills each patch, flat, of shape (B, \*grid, levels)."""
    if plan["moves"] is not None:
        return np.asarray(plan["moves"])
    grid = plan["sources"].shape[1:-1]
    return np.broadcast_to(np.arange(math.prod(grid)).reshape(*grid, 1), plan["sources"].shape)


def describe(plan: Mapping[str, Any], n_sources: Array) -> str:
    """Return the plan as a short table, one line per group."""
    sources, edges, energies = (plan[name] for name in ("sources", "group_edges", "energies"))
    n, n_groups = len(sources), len(energies)
    grid = "x".join(map(str, sources.shape[1:-1]))
    spatial = "x".join(map(str, plan["spatial"]))
    divided = (sources[..., 0] != sources[..., -1]).reshape(n, -1)
    # the part of the patches of output j that input j fills itself
    itself = np.arange(n).reshape((-1,) + (1,) * (sources.ndim - 1))
    own = (sources == itself).reshape(n, -1).mean(axis=1)
    lines = [
        f"MixPlan: {n} outputs in {n_groups} group{'s' if n_groups > 1 else ''}, {grid} patches "
        f"of {spatial} pixels, levels {sources.shape[-1]}, seed {plan['seed']}",
        " group     outputs      energy  sources/output  divided patches  own patches",
    ]
    for g, (start, stop) in enumerate(itertools.pairwise(edges.tolist())):
        if g == _ROWS and n_groups > _ROWS + 1:
            lines.append(f"   ... and {n_groups - _ROWS} more groups")
            break
        outputs = f"{start}-{stop - 1}"
        lines.append(
            f"{g:6d}  {outputs:>10}  {energies[g]:10.4f}  {n_sources[start:stop].mean():14.2f}"
            f"  {divided[start:stop].mean():15.0%}  {own[start:stop].mean():11.0%}"
        )
    return "\n".join(lines)
