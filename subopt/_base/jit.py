"""Compilation of kernels by numba: cached on disk, without the GIL, with strict floating point.

Kernels are compiled without ``fastmath``, because solvers rely on exact ties and infinite
capacities. In a few kernels, sums and minima may be computed in any order, which allows vector
instructions. LLVM inlines the functions that these call, because a process that compiles holds two
copies of a called function, which would round differently. Kernels are not parallel: threads run
whole problems (`minimize_many`), so that results do not depend on their number. Wrappers for calls
from C are left out, which saves 5 % of the compilation time.

If numba finds no writable folder for its cache (site-packages and home are read-only, or the
package is imported from an archive), kernels are compiled in every process, with one warning.
"""

import functools
import os
import tempfile
import threading
import time
import warnings

import numba
import numpy as np
from numba.core.registry import CPUDispatcher


def njit(function=None, **options):
    """Compile a function by numba as all kernels of subopt are.

    Parameters
    ----------
    function : callable, optional
        What to compile. Without it, a decorator with these options is returned.
    **options : Any
        Options of `numba.njit`, in place of those that kernels have by default: ``nogil=True``,
        ``error_model="numpy"``, ``no_cfunc_wrapper=True``.

    Returns
    -------
    callable
        The compiled function. numba keeps it on disk: in the ``__pycache__`` beside its source,
        else in the cache folder of the user, or in the folder that ``NUMBA_CACHE_DIR`` names. These
        files stay when the package is uninstalled.

    Warns
    -----
    RuntimeWarning
        Once per process, if none of these folders can be written.
    """
    if function is None:
        return functools.partial(njit, **options)
    options = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True, **options}
    file = function.__code__.co_filename
    if _home_is_known() or _writable(numba.config.CACHE_DIR) or _writable(_beside(file)):
        try:
            kernel = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # "cannot cache function": there is no such folder
            pass
        else:
            # numba does not try whether it can write the folder for files in an archive
            if (
                os.path.exists(file)
                or numba.config.DISABLE_JIT
                or _writable(kernel.stats.cache_path)
            ):
                return kernel
    _warn_that_nothing_is_cached(os.path.exists(file))
    return numba.njit(**options)(function)


any_order_without_nan = functools.partial(
    njit, fastmath={"nnan", "nsz", "reassoc", "contract"}, forceinline=True
)
# for kernels that allocate nothing: references to arrays are not counted, which costs time in
# loops that take arrays out of tuples, and in the compiler
uncounted = functools.partial(njit, _nrt=False)
# for kernels that only kernels call: no wrapper for calls from Python, and no file in the cache,
# because the cached kernel that calls them contains them. Arrays are not counted here either
inner = functools.partial(
    numba.njit,
    nogil=True,
    error_model="numpy",
    no_cfunc_wrapper=True,
    no_cpython_wrapper=True,
    _nrt=False,
)
inner_any_order = functools.partial(
    inner, fastmath={"nsz", "reassoc", "contract"}, forceinline=True
)


# numpy 2 computes with scalars as compiled code does; numpy 1 made floats of mixed integers
interpret_small = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
SMALL = 1200  # numbers in all arrays of a call


class _Inside(threading.local):
    running = False


_inside = _Inside()


class SmallFirst(CPUDispatcher):
    """A kernel that Python itself runs while it is not compiled and its arrays are small.

    The first small problem is then solved in milliseconds, not after seconds of compiling. This is
    for kernels whose time is a small polynomial of the size of their arrays, and that compute the
    same bits both ways: no ``fastmath``, no sums or products of whole arrays, no logarithms. With
    the first larger call, or when `patience` is used up, the kernel is compiled, and it is a common
    one from then on.

    Ctrl-C cannot interrupt compiled code, so callers rely on kernels that run as a whole or not at
    all. An exception therefore puts the arrays back into the state before the call.
    """

    patience = 0.2  # seconds of all such calls together

    def __call__(self, *args):
        """Run the kernel."""
        if _inside.running:
            return self.py_func(*args)
        waits = interpret_small and self.patience > 0 and not self.overloads
        if waits and _count(args) <= SMALL:
            begin = time.perf_counter()
            before = [(array, array.copy()) for array in _arrays(args)]
            _inside.running = True
            try:
                with np.errstate(all="ignore"):  # compiled code does not warn either
                    return self.py_func(*args)
            except BaseException:
                for array, content in before:
                    if array.flags.writeable:
                        array[...] = content
                raise
            finally:
                _inside.running = False
                self.patience -= time.perf_counter() - begin
        self.__class__ = CPUDispatcher
        return self(*args)


def small_first(function=None, **options):
    """Compile as `njit` does, but not before it pays, see `SmallFirst`."""
    if function is None:
        return functools.partial(small_first, **options)
    kernel = njit(function, **options)
    if not numba.config.DISABLE_JIT:
        kernel.__class__ = SmallFirst
    return kernel


small_first_uncounted = functools.partial(small_first, _nrt=False)


def _count(args):
    return sum(_count(a) if isinstance(a, tuple) else getattr(a, "size", 1) for a in args)


def _arrays(args):
    for a in args:
        if isinstance(a, tuple):
            yield from _arrays(a)
        elif isinstance(a, np.ndarray):
            yield a


def _home_is_known():
    # where it is not, numba would make a folder named ~ in the working directory
    home = os.path.expanduser("~")
    return os.path.isabs(os.environ.get("XDG_CACHE_HOME", home) if os.name == "posix" else home)


def _beside(file):
    return os.path.join(os.path.dirname(file), "__pycache__")


@functools.cache
def _writable(folder):
    if not folder:
        return False
    try:
        os.makedirs(folder, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True


@functools.cache
def _warn_that_nothing_is_cached(unpacked):
    if numba.config.DISABLE_JIT:
        return
    way_out = (
        "Set the environment variable NUMBA_CACHE_DIR to a folder that can be written"
        if unpacked
        else "Install the package into a folder instead of importing it from an archive, and set "
        "the environment variable NUMBA_CACHE_DIR if that folder cannot be written"
    )
    warnings.warn(
        "Compiled kernels are not kept: numba found no folder for its cache that can be written, "
        f"so every process compiles what it uses once more. {way_out}.",
        RuntimeWarning,
        stacklevel=4,
    )
