"""Pseudo-Boolean polynomials, QUBO and Ising models, as a difference of submodular functions."""

from __future__ import annotations

import math
import numbers
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.types import Array, ArrayLike
from subopt.functions._sparse import entries
from subopt.functions.algebra import DifferenceOfSubmodular, SetFunction
from subopt.functions.coverage import Coverage
from subopt.functions.cut import Cut
from subopt.functions.modular import Modular
from subopt.functions.returned import as_float

SHOWN = 20  # terms in a repr that rebuilds the polynomial


class Polynomial(DifferenceOfSubmodular):
    r"""The set function :math:`h(S) = \sum_T c_T \prod_{i \in T} x_i` without its constant.

    x is the indicator vector of S. Every set function is such a polynomial in exactly one way. It
    is split exactly into f - g, see Notes. If the polynomial has degree at most 3 and is
    submodular, g is zero, and `minimize` computes one maximum flow.

    Parameters
    ----------
    terms : mapping of collections of int to float
        Coefficient of each product of variables. A variable that is repeated counts once, because
        x * x = x, and coefficients of the same product add up. The coefficient of ``()`` is
        `constant`.
    n : int, optional
        Number of variables; one more than the largest index by default.

    Attributes
    ----------
    constant : float
        The coefficient of ``()``. It is not part of h, because h of the empty set is 0: add it to
        the values of answers.
    degree : int
        Number of variables in the largest product.
    is_submodular : bool
        Whether the split found that g is zero, so that h is submodular. Up to degree 3 this holds
        if and only if h is submodular. For higher degrees it may be False although h is submodular.

    Raises
    ------
    TypeError
        If `terms` is not a mapping, or an index is not an integer.
    ValueError
        If an index is out of range, or a coefficient is not finite.

    Notes
    -----
    A product of two or more variables is supermodular. Products with negative coefficients belong
    to f, those with positive ones to g. Of degree 3, :math:`x_i x_j x_k = [\{i, j, k\} \cap S \ne
    \emptyset] - x_i - x_j - x_k + x_i x_j + x_i x_k + x_j x_k` moves a positive coefficient to
    pairs; a cubic polynomial is submodular if and only if all pairs then have coefficients <= 0
    [1]_. Takes O(sum of \|T\|) time and memory.

    References
    ----------
    .. [1] A. Billionnet and M. Minoux, "Maximizing a supermodular pseudoboolean function: a
       polynomial algorithm for supermodular cubic functions", Discrete Applied Mathematics 12
       (1985).

    Examples
    --------
    >>> h = Polynomial({(0,): 1, (1,): -2, (0, 1): 3, (0, 1, 2): -4})
    >>> h([0, 1]), h([0, 1, 2])
    (2.0, -2.0)
    >>> minimize(h).S
    array([1])
    >>> minimize(Polynomial({(0,): 1, (0, 1): -1, (0, 1, 2): -1, (2,): 0.5})).method
    'max_flow, because F is the cut function of a graph, because g is modular'
    """

    constant: float
    degree: int
    is_submodular: bool

    def __init__(self, terms: Mapping[Iterable[int], float], n: int | None = None) -> None:
        if not isinstance(terms, Mapping):
            raise TypeError(
                "terms needs to map tuples of variables to coefficients, such as {(0, 2): 1.5}, "
                f"got {type(terms).__name__}. For a matrix use Polynomial.from_qubo(Q)."
            )
        found: defaultdict[tuple[int, ...], list[float]] = defaultdict(list)
        for key, value in terms.items():
            found[_product(key)].append(_coefficient(key, value))
        largest = max((T[-1] for T in found if T), default=-1)
        n = largest + 1 if n is None else validate.natural("n", n)
        if largest >= n:
            raise ValueError(f"variables need to be in 0..{n - 1}, got {largest}")
        summed = {T: math.fsum(values) for T, values in found.items()}
        linear = np.zeros(n)
        for T, c in summed.items():
            if len(T) == 1:
                linear[T[0]] = c
        pairs = [T for T in summed if len(T) == 2]
        ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        weights = np.array([summed[T] for T in pairs], dtype=np.float64)
        higher = {T: c for T, c in summed.items() if len(T) > 2}
        self._build(summed.get((), 0.0), linear, ends, weights, higher)

    @classmethod
    def from_qubo(cls, Q: Any, linear: ArrayLike | None = None, constant: float = 0) -> Polynomial:
        """Build :math:`x^T Q x + b^T x + c`, a quadratic unconstrained binary optimization problem.

        Parameters
        ----------
        Q : array_like or scipy sparse matrix, shape (n, n)
            Any square matrix; ``Q[i, j]`` and ``Q[j, i]`` add up, and the diagonal is linear.
        linear : array_like of float, shape (n,), optional
            b; zeros by default.
        constant : float, default 0
            c, kept as `constant`.

        Returns
        -------
        Polynomial
            The polynomial, with one variable per row.

        Raises
        ------
        ValueError
            If a shape is wrong or a number is not finite.

        Examples
        --------
        >>> minimize(Polynomial.from_qubo([[-1, 2], [0, -1.5]])).S
        array([1])
        """
        rows, columns, values, (n, m) = entries("Q", Q)
        if n != m:
            raise ValueError(f"Q needs to be square, got shape {(n, m)}")
        b = np.zeros(n) if linear is None else validate.real_array("linear", linear)
        if b.shape != (n,):
            raise ValueError(f"linear needs one number per variable, {n}, got shape {b.shape}")
        return cls._quadratic(rows, columns, values, b, _coefficient((), constant))

    @classmethod
    def _quadratic(
        cls, rows: Array, columns: Array, values: Array, b: Array, constant: float
    ) -> Polynomial:
        """Build it from entries of Q and from b, which is overwritten."""
        diagonal = rows == columns
        np.add.at(b, rows[diagonal], values[diagonal])
        rows, columns, values = (part[~diagonal] for part in (rows, columns, values))
        ends = np.stack([np.minimum(rows, columns), np.maximum(rows, columns)], axis=1)
        ends, place = np.unique(ends.astype(np.int64), axis=0, return_inverse=True)
        weights = np.zeros(len(ends))
        np.add.at(weights, place.ravel(), values)
        self = cls.__new__(cls)
        self._build(constant, b, ends, weights, {})
        return self

    @classmethod
    def from_ising(
        cls, couplings: Any, fields: ArrayLike | None = None, constant: float = 0
    ) -> Polynomial:
        r"""Build :math:`\sum_{i<j} J_{ij} s_i s_j + \sum_i h_i s_i + c` with spins -1 and 1.

        S is the set of the spins with value 1.

        Parameters
        ----------
        couplings : array_like or scipy sparse matrix, shape (n, n)
            ``couplings[i, j] + couplings[j, i]`` is the coefficient of :math:`s_i s_j`, so a
            symmetric matrix has half of it in each place; the diagonal adds to the constant.
        fields : array_like of float, shape (n,), optional
            h; zeros by default.
        constant : float, default 0
            c.

        Returns
        -------
        Polynomial
            The polynomial, with one variable per row.

        Raises
        ------
        ValueError
            If a shape is wrong or a number is not finite.

        Examples
        --------
        >>> h = Polynomial.from_ising([[0, -1], [0, 0]], [0.25, 0])   # equal spins, spin 0 down
        >>> answer = minimize(h)
        >>> answer.S, answer.value + h.constant
        (array([], dtype=int64), -1.25)
        """
        rows, columns, values, (n, m) = entries("couplings", couplings)
        if n != m:
            raise ValueError(f"couplings needs to be square, got shape {(n, m)}")
        b = np.zeros(n) if fields is None else validate.real_array("fields", fields)
        if b.shape != (n,):
            raise ValueError(f"fields needs one number per spin, {n}, got shape {b.shape}")
        c = _coefficient((), constant) + float(values.sum()) - float(b.sum())
        b *= 2
        np.subtract.at(b, rows, 2 * values)
        np.subtract.at(b, columns, 2 * values)
        # s = 2 x - 1; on the diagonal s s = 1: the linear part, -4 x, and the square, 4 x, cancel
        return cls._quadratic(rows, columns, 4 * values, b, c)

    def _build(
        self,
        constant: float,
        linear: Array,
        ends: Array,
        weights: Array,
        higher: dict[tuple[int, ...], float],
    ) -> None:
        keep = weights != 0
        ends, weights = ends[keep], weights[keep]
        higher = {T: c for T, c in higher.items() if c != 0}
        f, g = _split(linear, ends, weights, higher)
        super().__init__(f, Modular(np.zeros(len(linear))) if g is None else g)
        sizes = [*map(len, higher), 2 * bool(len(weights)), int(bool(linear.any()))]
        for name, value in {
            "constant": constant,
            "degree": max(sizes),
            "is_submodular": g is None,
            "_linear": linear,
            "_ends": ends,
            "_weights": weights,
            "_higher": higher,
            "_variables": np.array([i for T in higher for i in T], dtype=np.intp),
            "_starts": np.cumsum([0, *map(len, higher)])[:-1],
            "_coefficients": np.array(list(higher.values()), dtype=np.float64),
        }.items():
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

    _linear: Array
    _ends: Array
    _weights: Array
    _higher: dict[tuple[int, ...], float]
    # the same as arrays: the variables of all products, where each one begins, its coefficient
    _variables: Array
    _starts: Array
    _coefficients: Array

    def value(self, mask: Array) -> float:
        """Evaluate h at a set: add up the coefficients of the products within it.

        The parts f and g have larger values that cancel.

        Parameters
        ----------
        mask : array_like of bool, shape (n,)
            The set S: True for its elements.

        Returns
        -------
        float
            h(S), without `constant`.

        Raises
        ------
        TypeError, ValueError
            If `mask` does not have one entry per element, each a boolean, 0 or 1.
        """
        mask = validate.mask(mask, self.n)
        value = self._linear[mask].sum() + self._weights[mask[self._ends].all(axis=1)].sum()
        if len(self._starts):
            within = np.logical_and.reduceat(mask[self._variables], self._starts)
            value += self._coefficients[within].sum()
        return float(validate.finite(self, value))

    @property
    def terms(self) -> dict[tuple[int, ...], float]:
        """Coefficients that are not zero, by sorted tuples of variables; a new dict."""
        terms: dict[tuple[int, ...], float] = {(): self.constant} if self.constant else {}
        terms |= {(i,): c for i, c in enumerate(self._linear.tolist()) if c}
        pairs = map(tuple, self._ends.tolist())
        return terms | dict(zip(pairs, self._weights.tolist(), strict=True)) | self._higher

    def multilinear(self, x: ArrayLike) -> float:
        """Evaluate the polynomial, with its constant, at a vector; the multilinear extension.

        Parameters
        ----------
        x : array_like of float, shape (n,)
            The vector. If its entries are in [0, 1], the value is the mean of h + `constant` over
            random sets that contain each element i independently with probability ``x[i]``.

        Returns
        -------
        float
            The value at x.

        Raises
        ------
        ValueError
            If x has another shape or is not finite.
        """
        x = validate.real_array("x", x)
        if x.shape != (self.n,):
            raise ValueError(f"x needs one number per variable, {self.n}, got shape {x.shape}")
        value = self.constant + self._linear @ x + self._weights @ x[self._ends].prod(axis=1)
        return float(value + sum(c * x[list(T)].prod() for T, c in self._higher.items()))

    def __repr__(self) -> str:
        terms = self.terms
        if len(terms) > SHOWN:
            return f"Polynomial(<{len(terms)} terms of degree up to {self.degree}>, n={self.n})"
        return f"Polynomial({terms!r}, n={self.n})"


def _product(key: Any) -> tuple[int, ...]:
    """Return the variables of a product, sorted, each once."""
    try:
        indices = sorted(set(key))
    except TypeError:
        raise TypeError(
            f"A product needs to be a collection of variables, such as (0, 2), got {key!r}. "
            f"A linear term is ({key!r},)."
        ) from None
    if any(isinstance(i, bool) or not isinstance(i, numbers.Integral) for i in indices):
        raise TypeError(f"variables need to be integers >= 0, got the product {key!r}")
    if indices and indices[0] < 0:
        raise ValueError(f"variables need to be integers >= 0, got the product {key!r}")
    return tuple(map(int, indices))


def _coefficient(key: Any, value: Any) -> float:
    name = f"the coefficient of {key!r}{'' if key else ', the constant,'}"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} needs to be a number, got {value!r}")
    number = as_float(value)
    if number is None or not math.isfinite(number):
        raise ValueError(f"{name} needs to be finite, got {value}")
    return number


def _split(
    linear: Array, ends: Array, weights: Array, higher: dict[tuple[int, ...], float]
) -> tuple[SetFunction, SetFunction | None]:
    """Return submodular f and g with h = f - g; g is None where it is zero."""
    cubic: dict[tuple[int, ...], float]
    cubic = {T: c for T, c in higher.items() if len(T) == 3 and c > 0}
    linear = linear.copy()
    if cubic:
        # a positive product of three is an item that any of them covers, less each, plus each pair
        triples, c = np.array(list(cubic)), np.array(list(cubic.values()))
        np.subtract.at(linear, triples, c[:, None])
        ends = np.concatenate([ends, *(triples[:, two] for two in ([0, 1], [0, 2], [1, 2]))])
        parts: defaultdict[tuple[int, ...], list[float]] = defaultdict(list)
        for pair, w in zip(ends.tolist(), [*weights.tolist(), *c.tolist() * 3], strict=True):
            parts[tuple(pair)].append(w)
        ends = np.array(list(parts))
        weights = np.array([math.fsum(w) for w in parts.values()])
    # c x_i x_j = c x_i - c x_i (1 - x_j): an arc, in f or in g by the sign of c
    np.add.at(linear, ends[:, 0], weights)
    n = len(linear)
    f: SetFunction = Modular(linear)
    g: list[SetFunction] = []
    for part, side in ((weights < 0, f), (weights > 0, None)):
        if part.any():
            cut = Cut.from_edges(ends[part], np.abs(weights[part]), n=n, directed=True)
            if side is None:
                g.append(cut)
            else:
                f = f + cut
    if cubic:
        f = f + _coverage(n, cubic)
    # the complement of the coverage by a product is minus the product
    if negative := {T: -c for T, c in higher.items() if c < 0}:
        f = f + _coverage(n, negative).complement()
    if positive := {T: c for T, c in higher.items() if c > 0 and len(T) > 3}:
        g.append(_coverage(n, positive).complement())
    return f, sum(g[1:], g[0]) if g else None


def _coverage(n: int, products: dict[tuple[int, ...], float]) -> Coverage:
    """Return the coverage function in which each product is an item, covered by its variables."""
    sizes = [len(T) for T in products]
    rows = np.concatenate([np.array(T) for T in products])
    F = Coverage.__new__(Coverage)
    columns = np.repeat(np.arange(len(products)), sizes)
    F._build(n, rows, columns, np.array(list(products.values())))
    return F
