"""Compilation of kernels by numba: cached on disk, without the GIL, with strict floating point.

Kernels are compiled without ``fastmath``. Solvers rely on exact ties and infinite capacities.
Results must also not depend on the processor, or on whether a process compiles a kernel or loads
it. Kernels are not parallel: threads run whole problems (`minimize_many`), so that results do not
depend on the number of threads. Wrappers for calls from C are left out, which saves 5 % of the
compilation time.

If numba finds no writable folder for its cache (site-packages and home are read-only, or the
package is imported from an archive), kernels are compiled in every process, with one warning.
"""

import functools
import io
import logging
import os
import pickle
import sys
import tempfile
import threading
import time
import warnings

import llvmlite.binding
import numba
import numpy as np
from numba.core.caching import FunctionCache, IndexDataCacheFile, NullCache
from numba.core.environment import Environment, _rebuild_env
from numba.core.registry import CPUDispatcher
from numba.core.runtime import rtsys


class LeanCache(FunctionCache):
    """Kernels on disk, loaded without what only the compiler needs.

    numba imports its implementations of Python and numpy before it loads a compiled kernel, which
    takes 0.4 s, most of the time until the first answer of a process. It also looks through all
    installed packages for extensions of the compiler. Machine code needs only the runtime, which
    counts references to arrays. Kernels that call C functions by pointers, which numba has to look
    up again, are loaded as numba does it.
    """

    def load_overload(self, sig, target_context):
        """Return what the cache has for a signature, or None."""
        file = getattr(self, "_cache_file", None)
        try:
            _link_runtime(target_context)
            if type(file) is IndexDataCacheFile:
                file.__class__ = _LeanFile
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)
        except Exception:  # the imports were needed after all, or the file cannot be read
            if type(file) is _LeanFile:
                file.__class__ = IndexDataCacheFile
            found = super().load_overload(sig, target_context)
        if found is None:  # numba compiles it now
            _load_extensions()
            _tell_of_compiling()
        return found

    def save_overload(self, sig, data):
        """Write a compiled kernel to the cache."""
        try:
            super().save_overload(sig, data)
        except RuntimeError as error:
            # LLVM hands the machine code over by a call of Python. If Ctrl-C comes within that
            # call, the exception goes no further, and the code is missing here
            pressed = threading.current_thread() is threading.main_thread()
            if pressed and "no compiled object" in str(error):
                raise KeyboardInterrupt from error
            raise


def _load_extensions():
    """Let numba look for extensions of the compiler, which it does before it loads from a cache."""
    try:
        from numba.core.entrypoints import init_all
    except ImportError:  # another version looks elsewhere
        return
    init_all()


# what numba does to initialize its runtime, in all versions since 0.60
_INITIALIZE = {
    *("_init", "config", "NRT_STATS", "_nrt", "memsys_enable_stats", "c_helpers", "startswith"),
    *("ll", "add_symbol", "_library", "nrtdynmod", "compile_nrt_functions"),
}


@functools.cache
def _link_runtime(target_context):
    """Tell the linker where functions of numba's runtime are.

    `rtsys.initialize` does the same, and then compiles what numba copies into each kernel that it
    compiles, for 0.07 s. Kernels on disk contain it.
    """
    code = getattr(rtsys.initialize, "__wrapped__", rtsys.initialize).__code__
    if numba.config.NRT_STATS or set(code.co_names) != _INITIALIZE:
        rtsys.initialize(target_context)
    elif not rtsys._init:
        from numba.core.runtime import _nrt_python

        for name, address in _nrt_python.c_helpers.items():
            symbol = name if name.startswith("_") else f"NRT_{name}"
            llvmlite.binding.add_symbol(symbol, address)


class _LeanFile(IndexDataCacheFile):
    def _load_data(self, name):
        with open(self._data_path(name), "rb") as file:
            data = file.read()
        return _LeanUnpickler(io.BytesIO(data)).load()


class _LeanUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        found = super().find_class(module, name)
        return _environment if found is _rebuild_env else found


def _environment(module, constants, name):
    """Return what `_rebuild_env` does, without importing a module of numba for its names.

    Machine code looks up names of a module only where it runs Python's objects, which kernels do
    not; what it raises is among the constants.
    """
    if module in sys.modules or not module.startswith("numba.") or name in Environment._memo:
        return _rebuild_env(module, constants, name)
    made = Environment({"__name__": module})
    made.consts[:] = constants
    made.env_name = name
    return Environment._memo.setdefault(name, made)


@functools.cache
def _tell_of_compiling():
    """Log, once per process, what a program waits for."""
    from subopt._base.options import COMPILING, is_verbose

    if not is_verbose():  # such a run says so itself
        logging.getLogger("subopt").info("%s", COMPILING)


def _nothing():
    pass


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
                if type(getattr(kernel, "_cache", None)) is FunctionCache:  # not without the JIT
                    kernel._cache.__class__ = LeanCache
                    kernel._compilation_chain_init_hook = _nothing  # the cache calls it
                return kernel
    _warn_that_nothing_is_cached(os.path.exists(file))
    return numba.njit(**options)(function)


# for kernels without NaN in which -0 is as good as 0: minima may then be taken in any order, which
# allows vector instructions, and all results stay the same. They allocate nothing, see `uncounted`
without_nan = functools.partial(njit, fastmath={"nnan", "nsz"}, _nrt=False)
inlined_without_nan = functools.partial(without_nan, forceinline=True)
# for kernels that allocate nothing: references to arrays are not counted, which costs time in
# loops that take arrays out of tuples, and in the compiler
uncounted = functools.partial(njit, _nrt=False)


class Inner(CPUDispatcher):
    """A kernel that only kernels call: there is nothing that Python could run."""

    def compile(self, sig):
        """Compile it for some types, as a part of the kernels that call it."""
        from subopt._base.compiler import of_inner_kernels  # kernels on disk contain it already

        self._compiler.pipeline_class = of_inner_kernels()
        return super().compile(sig)

    def __call__(self, *args):
        """Raise `TypeError`; without this, a call would end the process."""
        name = self.py_func.__qualname__
        raise TypeError(f"{name} is called by kernels only; in_python({name}) can be called")


def inner(function=None, **options):
    """Compile a kernel that only kernels call.

    It has no wrapper for calls from Python, no machine code of its own, and no file in the cache,
    because the cached kernel that calls it contains it. References to arrays are not counted, see
    `uncounted`.
    """
    if function is None:
        return functools.partial(inner, **options)
    kernel = numba.njit(
        nogil=True,
        error_model="numpy",
        no_cfunc_wrapper=True,
        no_cpython_wrapper=True,
        _nrt=False,
        **options,
    )(function)
    if not numba.config.DISABLE_JIT:
        kernel.__class__ = Inner
    return kernel


inner_inlined = functools.partial(inner, forceinline=True)


# numpy 2 computes with scalars as compiled code does; numpy 1 made floats of mixed integers
interpret_small = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
SMALL = 1200  # numbers in all arrays of a call
PATIENCE = 1e-4  # CPU seconds per byte of code; to compile one takes 3e-4 to 8e-4
MEDIUM = 300_000  # the same, for kernels that are not in the cache either: they take long to get


unfit: set = set()  # names of kernels that did not run as plain Python, or not in time


class _Inside(threading.local):
    running = False


_inside = _Inside()


class SmallFirst(CPUDispatcher):
    """A kernel that Python itself runs while it is not compiled and its arrays are not large.

    The first small problem is then solved in milliseconds, not after seconds of compiling. With
    the first larger call, or when `patience` is used up, the kernel is compiled, and it is a common
    one from then on. A kernel that is in the cache on disk waits for small arrays only.

    This is for kernels that compute the same bits both ways: no ``fastmath``, no sums or products
    of whole arrays, no logarithms. `subopt._base.plain` says what else makes a kernel fast there;
    those that do not fit run with numpy's scalars, if arrays are small.

    Ctrl-C cannot interrupt compiled code, so callers rely on kernels that run as a whole or not at
    all. An exception therefore puts the arrays back into the state before the call, and so does
    running out of patience.
    """

    def __call__(self, *args):
        """Run the kernel."""
        # only what a common kernel has too: another thread may make this one common at any time
        if _inside.running:
            return self.py_func(*args)
        if interpret_small and not self.overloads and _patience(self) > 0:
            from subopt._base import plain  # compiled kernels do without it

            numbers = _count(args)
            if numbers <= SMALL or (numbers <= MEDIUM and self.fits and not _is_kept(self)):
                try:
                    return _interpreted(self, args, numbers)
                except plain.Unfit:
                    pass
        self.__class__ = CPUDispatcher
        return self(*args)


def _interpreted(kernel, args, numbers):
    """Run a kernel in Python, or raise `Unfit` and leave everything as it was."""
    from subopt._base import plain

    before = [(array, array.copy()) for array in _arrays(args)]
    begin = time.thread_time()
    try:
        if kernel.fits:
            try:
                return plain.run(kernel, args, kernel.patience)
            except plain.OutOfTime:
                raise
            except plain.Unfit:
                _restore(before)
                kernel.fits = False
                unfit.add(f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}")
        # Python cannot call kernels without a wrapper
        closed = any(part.targetoptions.get("no_cpython_wrapper") for part in plain.parts(kernel))
        if numbers > SMALL or closed:
            raise plain.Unfit
        _inside.running = True
        with np.errstate(all="ignore"):  # compiled code does not warn either
            return kernel.py_func(*args)
    except BaseException:
        _restore(before)
        raise
    finally:
        _inside.running = False
        kernel.patience -= time.thread_time() - begin


def _patience(kernel):
    """Return the CPU seconds that a kernel may still run in Python: some of those of compiling."""
    if kernel.patience is None:
        from subopt._base import plain

        code = [part.py_func.__code__.co_code for part in plain.parts(kernel)]
        kernel.patience = PATIENCE * sum(map(len, code))
    return kernel.patience


def _is_kept(kernel):
    """Return whether the cache on disk has something of a kernel, so that it is soon loaded."""
    try:
        file = getattr(kernel._cache, "_cache_file", None)  # none where nothing can be written
        return file is not None and bool(file._load_index())
    except Exception:  # numba may change this, or somebody deletes the file
        return True


def small_first(function=None, **options):
    """Compile as `njit` does, but not before it pays, see `SmallFirst`."""
    if function is None:
        return functools.partial(small_first, **options)
    kernel = njit(function, **options)
    if not numba.config.DISABLE_JIT:
        kernel.__class__ = SmallFirst
        kernel.fits, kernel.patience = True, None  # as far as is known
    return kernel


def in_python(kernel):
    """Return a kernel as a function of Python, which calls kernels but is not compiled itself."""
    return getattr(kernel, "py_func", kernel)


small_first_uncounted = functools.partial(small_first, _nrt=False)


def _count(args):
    return sum(_count(a) if isinstance(a, tuple) else getattr(a, "size", 1) for a in args)


def _restore(before):
    for array, content in before:
        # flags to stop are set by other threads, see `interruptible`
        if array.flags.writeable and not (array.dtype == np.int8 and array.size == 1):
            array[...] = content


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


NOTHING_IS_KEPT = "numba found no folder for its cache that can be written"
NAME_A_FOLDER = "Set the environment variable NUMBA_CACHE_DIR to a folder that can be written"


@functools.cache
def _warn_that_nothing_is_cached(unpacked):
    if numba.config.DISABLE_JIT:
        return
    way_out = (
        NAME_A_FOLDER
        if unpacked
        else "Install the package into a folder instead of importing it from an archive, and set "
        "the environment variable NUMBA_CACHE_DIR if that folder cannot be written"
    )
    warnings.warn(
        f"Compiled kernels are not kept: {NOTHING_IS_KEPT}, so every process compiles "
        f"what it uses once more. {way_out}.",
        RuntimeWarning,
        stacklevel=4,
    )


def is_kept() -> bool:
    """Return whether later processes load from disk what is compiled now.

    Returns
    -------
    bool
        False if numba found no folder for the cache of the kernels of this package.
    """
    return not isinstance(getattr(copied, "_cache", None), NullCache)  # none without the JIT


@inner(inline="always")
def slab(array, k):
    """Return ``array[k]``, in kernels that run as plain Python too."""
    return array[k]


@njit(inline="always")
def copied(array):
    """Return ``array.copy()``, in kernels that run as plain Python too."""
    return array.copy()
