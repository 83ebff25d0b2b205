"""The one way kernels are compiled: cached on disk, without the GIL, strict floating point.

No ``fastmath``: the solvers rely on exact ties and infinite capacities. Sums and minima of a few
kernels run in vector registers, in any order; these are inlined by LLVM, because a process that
compiles has two copies of what is called, which round differently. No parallel kernels either;
threads run whole problems (`minimize_many`), so a result cannot depend on how many there are. No
wrappers for calls from C: nothing here is passed as a function, and compiling takes 5 % less.

Where numba finds no folder for its cache (site-packages and home cannot be written, or the package
is imported from an archive), kernels are compiled in every process, and one warning says so.
"""

import functools
import os
import tempfile
import warnings

import numba


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


any_order = functools.partial(njit, fastmath={"nsz", "reassoc", "contract"}, forceinline=True)
any_order_without_nan = functools.partial(
    njit, fastmath={"nnan", "nsz", "reassoc", "contract"}, forceinline=True
)
# for kernels that only kernels call: no wrapper for calls from Python, and no file in the cache,
# because the cached kernel that calls them contains them. Arrays are not counted: these allocate
# none, and counting costs time in loops and in the compiler
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
