"""Kernels as plain Python, which solve small and medium problems while nothing is compiled.

Python can run the code of a kernel as it stands, but slowly: every number that is taken out of an
array is a numpy scalar, and arithmetic on those takes ten times as long as on Python's numbers.
`run` calls a copy of the function. In the copy, arrays are memoryviews, whose items are Python
numbers; numpy's scalar types are functions that wrap around as casts do; called kernels are copies
as well. The results are equal bit by bit, because Python floats are doubles, and Python integers
equal machine integers unless these overflow. Kernels that compute modulo 2**64 say so by a cast of
the result, which costs nothing when compiled.

Memoryviews do not support all that arrays do, such as arithmetic on whole arrays. An exception then
ends the run. So do a number that does not fit its array, a division by zero, and a run that takes
too long. All of these are `Unfit`: the caller has to compile the kernel. Arrays are then half
written.

Time is measured as CPU time of the thread, as for the compiler. The load of the machine and other
threads therefore do not end a run.
"""

import builtins
import functools
import math
import threading
import time
import types

import numpy as np
from numba.core.dispatcher import Dispatcher


class Unfit(Exception):
    """The kernel cannot run as plain Python."""


class OutOfTime(Unfit):
    """It can, but not in the given time."""


class _Clock(threading.local):
    until = math.inf  # by `time.thread_time`
    look_at = math.inf  # by `time.perf_counter`, which is cheaper to read and never behind
    records: list | None = None  # arrays of them, to be written when the run ends


_clock = _Clock()
_functions: dict = {}
_instead = {
    "slab": lambda array, k: memoryview(np.asarray(array)[k]),
    "copied": lambda array: memoryview(np.array(array)),
}
"""What replaces the kernels of `subopt._base.jit` that memoryviews cannot do."""


def run(kernel, args, seconds):
    """Call a kernel as plain Python; raise `Unfit` if that is not possible within some seconds."""
    before = _clock.until, _clock.look_at, _clock.records
    _clock.until = time.thread_time() + seconds
    _clock.look_at = time.perf_counter() + seconds
    _clock.records = []
    try:
        result = _function(kernel)(*map(_without_numpy, args))
        for records in _clock.records:
            records.write()
        return _with_arrays(result)
    except OutOfTime:
        raise
    except Exception as error:
        raise Unfit(f"{kernel.py_func.__qualname__}: {error!r}") from error
    finally:
        _clock.until, _clock.look_at, _clock.records = before


def _function(kernel):
    """Return the function of a kernel, with all that it reads from its module translated."""
    if kernel.py_func.__module__ == "subopt._base.jit":
        return _instead[kernel.py_func.__name__]
    if kernel not in _functions:
        if kernel.targetoptions.get("fastmath"):
            raise Unfit("it computes in any order")
        function = kernel.py_func
        code, known, cells = function.__code__, function.__globals__, function.__closure__
        # kernels do not call themselves, so this ends
        names = {name: _without_numpy(known[name]) for name in code.co_names if name in known}
        names |= {"__builtins__": builtins, "range": _timed_range}
        closure = cells and tuple(
            types.CellType(_without_numpy(cell.cell_contents)) for cell in cells
        )
        _functions[kernel] = types.FunctionType(
            code, names, function.__name__, function.__defaults__, closure
        )
    return _functions[kernel]


def parts(kernel):
    """Return a kernel and all kernels that it calls, in a list without repetitions."""
    found = [kernel]
    for one in found:
        function = one.py_func
        used = [function.__globals__.get(name) for name in function.__code__.co_names]
        used += [cell.cell_contents for cell in function.__closure__ or ()]
        for other in used:
            if isinstance(other, Dispatcher) and other not in found:
                found.append(other)
    return found


def _without_numpy(value):
    """Return what stands for a value in plain Python."""
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            return _Records(value)
        if value.dtype.kind not in "biu" and value.dtype != np.float64:
            raise Unfit(f"an array of {value.dtype}")
        return memoryview(value)
    if isinstance(value, np.generic):
        if isinstance(value, np.inexact) and not isinstance(value, np.float64):
            raise Unfit(f"a {type(value)}")
        return value.item()
    if isinstance(value, tuple):
        items = map(_without_numpy, value)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, Dispatcher):
        return _function(value)
    return _Numpy if value is np else value


@functools.cache
def _fields(dtype):
    """Return the names of the fields of a record, and their types in plain Python."""
    kinds = [kind for kind, _ in dtype.fields.values()]
    if not set(kinds) <= {np.dtype(float), np.dtype(np.int64)}:
        raise Unfit(f"an array of {dtype}")
    return dtype.names, [float if kind == np.dtype(float) else int for kind in kinds]


class _Records(dict):
    """An array of records of floats and ints: those that were asked for, by their index."""

    def __init__(self, array):
        self.names, self.types = _fields(array.dtype)
        self.array, self.shape, self.given = array, array.shape, {}
        _clock.records.append(self)

    def __missing__(self, at):
        self.given[at] = self.array[at].item()
        record = dict(zip(self.names, self.given[at], strict=True))
        dict.__setitem__(self, at, record)
        return record

    def __setitem__(self, at, record):
        dict.__setitem__(self, at, dict(record))

    def write(self):
        """Set the fields that have changed in the array; other threads may set the others."""
        for at, record in self.items():
            numbers, given = tuple(record.values()), self.given.get(at)
            if numbers == given:
                continue
            if list(map(type, numbers)) != self.types:
                raise Unfit("a number of another type in a record")
            if given is None:
                self.array[at] = numbers
                continue
            row = self.array[at]
            for name, number, before in zip(self.names, numbers, given, strict=True):
                if number != before:
                    row[name] = number


def _with_arrays(value):
    """Return what a kernel returns, with arrays again."""
    if isinstance(value, tuple):
        items = map(_with_arrays, value)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return np.asarray(value) if isinstance(value, memoryview) else value


def _timed_range(first, stop=None, step=1):
    # inner loops begin often: named arguments take less time than a list of them
    if time.perf_counter() > _clock.look_at:
        left = _clock.until - time.thread_time()
        if left < 0:
            raise OutOfTime
        _clock.look_at = time.perf_counter() + left
    return range(first) if stop is None else range(first, stop, step)


def _unsigned(bits):
    mask = 2**bits - 1
    return staticmethod(lambda x: x & mask)


def _signed(bits):
    half, whole = 2 ** (bits - 1), 2**bits

    def cast(x):
        x = int(x)
        return x if -half <= x < half else (x + half) % whole - half

    return staticmethod(cast)


class _Numpy:
    """What stands for numpy."""

    inf = math.inf
    sqrt = math.sqrt
    float64, bool_ = float, bool
    uint64, uint32, uint8 = _unsigned(64), _unsigned(32), _unsigned(8)
    int64, int32, int8 = _signed(64), _signed(32), _signed(8)

    @staticmethod
    def arange(stop):
        return memoryview(np.arange(stop))

    @staticmethod
    def empty(shape, dtype=float):
        return memoryview(np.empty(shape, _TYPES[dtype]))

    @staticmethod
    def full(shape, value):
        return memoryview(np.full(shape, value))

    @staticmethod
    def ones(shape, dtype=float):
        return memoryview(np.ones(shape, _TYPES[dtype]))

    @staticmethod
    def rint(x):
        return float(round(x))

    @staticmethod
    def zeros(shape, dtype=float):
        if isinstance(dtype, np.dtype):  # of records
            return _Records(np.zeros(shape, dtype))
        return memoryview(np.zeros(shape, _TYPES[dtype]))


_TYPES = {
    getattr(_Numpy, name): np.dtype(name)
    for name in ("float64", "bool_", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 32, 64)))
}
