"""Dense and sparse matrices of callers, checked and converted to compressed rows.

Nothing here imports scipy, which keeps the import of `subopt` fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt._base import validate
from subopt._base.interchange import to_numpy
from subopt._base.types import Array


def entries(name: str, matrix: Any) -> tuple[Array, Array, Array, tuple[int, int]]:
    """Return rows, columns, values and shape of the nonzeros of a dense or scipy sparse matrix."""
    if hasattr(matrix, "tocoo"):
        coo = matrix.tocoo()
        values = np.asarray(coo.data)
        bad = ~np.isfinite(values) if values.dtype.kind in "biuf" else np.ones(0, np.bool_)
        if bad.any():
            e = int(bad.argmax())
            raise ValueError(
                f"{name} needs finite numbers, but {name}[{coo.row[e]}, {coo.col[e]}] is "
                f"{values[e]}"
            )
        values = validate.real_array(f"{name}.data", values)
        used = values != 0
        rows, columns = coo.row[used].astype(np.intp), coo.col[used].astype(np.intp)
        return rows, columns, values[used], (int(coo.shape[0]), int(coo.shape[1]))
    try:
        dense = to_numpy(matrix)
    except ValueError as error:
        raise ValueError(
            f"{name} needs to be a matrix, but its rows differ in length. For lists of indices "
            "build one first, e.g. scipy.sparse.csr_array((ones, (rows, columns)))."
        ) from error
    dense = validate.real_array(name, dense, copy=False)
    if dense.ndim != 2:
        raise ValueError(f"{name} needs to be a matrix, got shape {dense.shape}")
    rows, columns = np.nonzero(dense)
    return rows, columns, dense[rows, columns], dense.shape


def sums(index: Array, values: Array, size: int) -> Array:
    """Return the sum of the values at each index, as float64 (size,).

    ``np.bincount`` of an empty array returns int64 regardless of its weights, hence the cast.
    """
    return np.bincount(index, values, size).astype(np.float64, copy=False)


def compress(
    n_rows: int, n_columns: int, rows: Array, columns: Array, values: tuple[Array, ...]
) -> tuple[Array, Array, tuple[Array, ...]]:
    """Return compressed rows (indptr, indices, values); entries at equal positions are added."""
    key = rows.astype(np.int64) * max(n_columns, 1) + columns
    order = np.argsort(key, kind="stable")
    key = key[order]
    first = np.flatnonzero(np.diff(key, prepend=-1))
    key = key[first]
    summed = tuple(np.add.reduceat(v[order], first) if len(first) else v[:0] for v in values)
    indices = key % max(n_columns, 1)
    counts = np.bincount(key // max(n_columns, 1), minlength=n_rows)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return indptr, indices, summed


def nonnegative_entries(
    name: str,
    matrix: Any,
    way: str = "Clip or shift it, or write a difference f - g of two functions.",
) -> tuple[Array, Array, Array, tuple[int, int]]:
    """Return `entries`, or raise if one is negative, with a message that ends in `way`."""
    rows, columns, values, shape = entries(name, matrix)
    if (values < 0).any():
        e = int(np.argmax(values < 0))
        raise ValueError(
            f"{name} needs numbers >= 0, but {name}[{rows[e]}, {columns[e]}] is {values[e]:g}. "
            f"{way}"
        )
    return rows, columns, values, shape


def compressed(
    name: str, matrix: Any, way: str, *, columns: bool = False
) -> tuple[Array, Array, Array, tuple[int, int]]:
    """Return a nonnegative matrix as compressed rows or columns: indptr, indices, values, shape.

    Equal positions of a sparse matrix are added up, and zeros are not stored. Matrices that are
    compressed in this direction already are copied, in O(nnz); nothing is sorted.
    """
    if not hasattr(matrix, "tocsr"):
        rows, inner, values, shape = nonnegative_entries(name, matrix, way)
        if columns:
            indptr, indices, (values,) = compress(shape[1], shape[0], inner, rows, (values,))
        else:
            indptr, indices, (values,) = compress(shape[0], shape[1], rows, inner, (values,))
        return indptr, indices, values, shape
    sparse = matrix.tocsc() if columns else matrix.tocsr()
    shape = (int(sparse.shape[0]), int(sparse.shape[1]))
    clean = sparse.has_canonical_format and np.asarray(sparse.data).all()
    if not clean:
        sparse = sparse.copy()
        sparse.sum_duplicates()
        sparse.eliminate_zeros()
    values = np.asarray(sparse.data)
    if values.dtype.kind in "biuf":
        wrong = ~np.isfinite(values) | (values < 0) if values.dtype.kind == "f" else values < 0
        if wrong.any():
            nonnegative_entries(name, sparse, way)  # raises, and names the entry
    values = validate.real_array(f"{name}.data", values)
    indptr, indices = (np.array(a, dtype=np.int64) for a in (sparse.indptr, sparse.indices))
    return indptr, indices, values, shape


def weights_for(name: str, weights: Any, size: int, what: str) -> Array:
    """Return checked nonnegative weights of shape (size,); ones for None."""
    if weights is None:
        return np.ones(size)
    w = validate.real_array(name, weights)
    if w.shape != (size,):
        raise ValueError(f"{name} needs one number per {what}, shape ({size},), got {w.shape}")
    if (w < 0).any():
        e = int(np.argmax(w < 0))
        raise ValueError(
            f"{name} needs numbers >= 0 for F to be submodular, but {name}[{e}] is {w[e]:g}. "
            "Write a function with weights of both signs as a difference f - g."
        )
    return w


def row_of(indptr: Array) -> Array:
    """Return the row number of each stored entry."""
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def take_rows(indptr: Array, kept: Array) -> tuple[Array, Array]:
    """Return the row pointers of a selection of rows, and the positions of their entries."""
    lengths = np.diff(indptr)[kept]
    taken = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return taken, np.repeat(indptr[kept] - taken[:-1], lengths) + np.arange(taken[-1])


def shown(numbers: Any) -> str:
    """Format an array for ``repr``, as nested lists with integers where all are whole numbers.

    Lists cannot hold the shape of a matrix without rows.
    """
    array = np.asarray(numbers)
    if not array.size and array.ndim > 1:
        return f"np.zeros({array.shape})"
    if array.dtype.kind == "f":
        if array.size and (array == np.rint(array)).all() and np.abs(array).max() < 1e15:
            array = array.astype(np.int64)
    elif array.dtype.kind == "b":
        array = array.astype(np.int64)
    return str(array.tolist())


def dense(n: int, indptr: Array, indices: Array, values: Array, n_columns: int) -> Array:
    """Return compressed rows as a dense matrix (n, n_columns)."""
    matrix = np.zeros((n, n_columns))
    matrix[row_of(indptr), indices] = values
    return matrix


def freeze(arrays: Any) -> None:
    """Make the arrays of a data tuple read-only."""
    for array in arrays:
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
