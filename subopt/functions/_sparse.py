"""Matrices from users as compressed rows, without importing scipy."""

from __future__ import annotations

from typing import Any

import numpy as np

from subopt import _validate
from subopt._types import Array


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
        values = _validate.real_array(f"{name}.data", values)
        rows, columns = coo.row.astype(np.intp), coo.col.astype(np.intp)
        return rows, columns, values, (int(coo.shape[0]), int(coo.shape[1]))
    dense = _validate.real_array(name, matrix, copy=False)
    if dense.ndim != 2:
        raise ValueError(f"{name} needs to be a matrix, got shape {dense.shape}")
    rows, columns = np.nonzero(dense)
    return rows, columns, dense[rows, columns], dense.shape


def compress(
    n_rows: int, n_columns: int, rows: Array, columns: Array, values: tuple[Array, ...]
) -> tuple[Array, Array, tuple[Array, ...]]:
    """Return compressed rows (indptr, indices, values), with equal positions added up."""
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
