"""Arguments that say which sets are feasible: checked, and turned into `Constraints`.

If no set is feasible, an error says which constraints are in conflict.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Subset
from subopt.constraints.budget import Budget
from subopt.constraints.feasible import Constraints
from subopt.constraints.groups import Groups
from subopt.constraints.limits import Layer, Purse
from subopt.constraints.modular import in_order, integer_program, laminar


def constraints_of(
    n: int,
    *,
    size: Any = None,
    include: Subset | None = None,
    exclude: Subset | None = None,
    constraints: Any = (),
) -> Constraints:
    """Return the constraints that a user gives, checked.

    Parameters
    ----------
    n : int
        Size of the ground set.
    size, include, exclude, constraints
        See `subopt._base.options`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described; or if no set is feasible, with the constraints that are
        in conflict and by how much.
    """
    low, high = _sizes(size, n)
    into, out = (
        np.zeros(n, dtype=np.bool_) if S is None else validate.subset(S, n, name)
        for name, S in (("include", include), ("exclude", exclude))
    )
    layers, purses = _parts(() if constraints is None else constraints, n)
    given = Constraints(n, low, high, into, out, layers, purses)
    _require_feasible(given)
    given.high = min(high, n - int(out.sum()))
    return given


def _require_feasible(of: Constraints) -> None:
    """Raise ValueError unless there is a feasible set."""
    _require_agreement(of)
    count = int(of.include.sum())
    for layer in of.layers:
        over = layer.counts(of.include) - layer.limits
        if (over > 0).any():
            k = int(np.argmax(over))
            raise ValueError(
                f"include has {layer.limits[k] + over[k]} elements of group {layer.names[k]!r}, "
                f"but {layer.source} allows {layer.limits[k]}: {over[k]} too many"
            )
    for purse in of.purses:
        if math.fsum(purse.costs[of.include].tolist()) > purse.most:
            cost = purse.price(of.include)
            raise ValueError(
                f"include costs {cost:g}, but {purse.source} allows {purse.limit:g}: "
                f"{cost - purse.limit:g} too much"
            )
    if of.low > count and (of.layers or of.purses):
        _require_size(of)


def _require_agreement(of: Constraints) -> None:
    """Raise unless include, exclude and the size agree."""
    if (both := of.include & of.exclude).any():
        raise ValueError(
            f"include and exclude share {np.flatnonzero(both)[:10].tolist()}: an element cannot be "
            "both in and out"
        )
    count = int(of.include.sum())
    if count > of.high:
        raise ValueError(
            f"include has {count} elements, but size allows {of.high}: {count - of.high} too many"
        )
    left = of.n - int(of.exclude.sum())
    if left < of.low:
        raise ValueError(
            f"size asks for at least {of.low} elements, but exclude leaves {left} of {of.n}: "
            f"{of.low - left} too few"
        )


def _require_size(of: Constraints) -> None:
    """Raise unless groups and budgets leave enough elements for the size."""
    for layer in of.layers:
        most = _largest(of, (layer,))
        if most is not None and most < of.low:
            raise _too_few(of, f"{layer.source} allows", most)
    for purse in of.purses:
        _require_money(of, purse)
    if len(of.layers) + len(of.purses) == 1:
        return
    if not of.purses and (most := _largest(of, of.layers)) is not None:
        if most < of.low:
            raise _too_few(of, "all Groups together allow", most)
        return
    anything = Constraints(of.n, 0, of.high, of.include, of.exclude, of.layers, of.purses)
    found = integer_program(anything, np.full(of.n, -1.0))
    most = int(of.include.sum()) if found is None else int(found.sum())
    if most < of.low:
        raise _too_few(of, "all constraints together allow", most)


def _largest(of: Constraints, layers: tuple[Layer, ...]) -> int | None:
    """Return the largest size that some groups allow, or None if they cross each other."""
    bare = Constraints(of.n, 0, of.n, of.include, of.exclude, layers, ()).reduced()
    levels = laminar(bare.layers)
    if levels is None:
        return None
    return int(of.include.sum()) + len(in_order(bare, levels, np.zeros(bare.n)))


def _require_money(of: Constraints, purse: Purse) -> None:
    """Raise if the cheapest elements cost too much for the size."""
    needed = of.low - int(of.include.sum())
    cheapest = of.free[np.argsort(purse.given[of.free], kind="stable")[:needed]]
    elements = np.concatenate([np.flatnonzero(of.include), cheapest])
    if math.fsum(purse.costs[elements].tolist()) > purse.most:
        cost = purse.price(elements)
        raise ValueError(
            f"size asks for at least {of.low} elements, and the cheapest cost {cost:g}, but "
            f"{purse.source} allows {purse.limit:g}: {cost - purse.limit:g} too much"
        )


def _too_few(of: Constraints, what: str, most: int) -> ValueError:
    return ValueError(
        f"size asks for at least {of.low} elements, but {what} {most}: {of.low - most} too few"
    )


def _sizes(size: Any, n: int) -> tuple[int, int]:
    """Return the smallest and the largest size."""
    if size is None:
        return 0, n
    if isinstance(size, numbers.Integral):
        low = high = validate.natural("size", size)
    else:
        pair = isinstance(size, Sequence | np.ndarray) and not isinstance(size, str)
        if not pair or validate.rectangular("size", size).shape != (2,):
            raise TypeError(f"size needs an integer k or a pair (low, high), got {size!r}")
        low = 0 if size[0] is None else validate.natural("size[0]", size[0])
        high = n if size[1] is None else validate.natural("size[1]", size[1])
        if low > high:
            raise ValueError(f"size needs low <= high, got ({low}, {high})")
    if low > n:
        raise ValueError(
            f"size asks for at least {low} elements, but there are {n}: {low - n} too few"
        )
    return low, min(high, n)


def _parts(constraints: Any, n: int) -> tuple[tuple[Layer, ...], tuple[Purse, ...]]:
    """Return groups and budgets in the form in which they are used."""
    alone = isinstance(constraints, Budget | Groups)
    if not alone:
        constraints = validate.items("constraints", constraints, "Budget and Groups")
    layers, purses = [], []
    for k, part in enumerate([constraints] if alone else constraints):
        if isinstance(part, Budget):
            length = len(part.costs)
        elif isinstance(part, Groups):
            length = len(part._codes)
        else:
            raise TypeError(
                f"constraints needs Budget and Groups, but entry {k} is "
                f"{validate.shortened(part)}. A budget is Budget(costs, limit)."
            )
        source = f"constraints[{k}] ({type(part).__name__})"
        if length != n:
            raise ValueError(f"{source} is about {length} elements, but the function has n = {n}")
        if isinstance(part, Budget):
            purses.append(Purse.of(part.costs, part.limit, source))
        else:
            layers.append(_layer(part, source))
    return tuple(layers), tuple(purses)


def _layer(groups: Groups, source: str) -> Layer:
    """Return the groups that a set can exceed."""
    sizes = np.bincount(groups._codes, minlength=len(groups._names))
    limited = (groups._most >= 0) & (groups._most < sizes)
    number = np.where(limited, np.cumsum(limited) - 1, -1)
    names = tuple(name for name, some in zip(groups._names, limited, strict=True) if some)
    return Layer(number[groups._codes], groups._most[limited], names, source)
