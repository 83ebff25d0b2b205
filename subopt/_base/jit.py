"""The one way kernels are compiled: cached on disk, without the GIL, strict floating point.

No ``fastmath``: the solvers rely on exact ties and infinite capacities. Sums and minima of a few
kernels run in vector registers, in any order; these are inlined by LLVM, because a process that
compiles has two copies of what is called, which round differently. No parallel kernels either;
threads run whole problems (`minimize_many`), so a result cannot depend on how many there are. No
wrappers for calls from C: nothing here is passed as a function, and compiling takes 5 % less.
"""

import functools

import numba

njit = functools.partial(
    numba.njit, cache=True, nogil=True, error_model="numpy", no_cfunc_wrapper=True
)
any_order = functools.partial(njit, fastmath={"nsz", "reassoc", "contract"}, forceinline=True)
any_order_without_nan = functools.partial(
    njit, fastmath={"nnan", "nsz", "reassoc", "contract"}, forceinline=True
)
