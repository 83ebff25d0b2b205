"""Doors for tests to kernels that only kernels call, and so cannot be called from Python."""

from subopt._base.jit import njit
from subopt.coupled import _rounds, _state, _visits


@njit
def rebuild(level, state, kept, scratch):
    return _rounds.rebuild(level, state, kept, scratch)


@njit
def set_prices(level, state, scratch, j):
    _state.set_prices(level, state, scratch, j)


@njit
def coupling_change(level, state, scratch, j, u, b, q):
    return _state.coupling_change(level, state, scratch, j, u, b, q)


@njit
def move(level, state, scratch, j, u, b, q):
    _state.move(level, state, scratch, j, u, b, q)


@njit
def fill_field(level, state, j):
    _state.fill_field(level, state, j)


@njit
def visit(level, state, scratch, j, lazy):
    return _visits.visit(level, state, scratch, j, lazy)


@njit
def perturb_and_roll_back(level, state, kept, scratch, chance):
    for _ in range(3):
        n = _rounds.perturb(level, state, scratch, chance)
        _rounds.repair(level, state, scratch, chance, n)
    _rounds.copy(level, kept, state, scratch.changed)
