"""How numba compiles kernels: those that only kernels call get no machine code of their own.

numba lowers such a kernel once, and the kernels that call it contain it. `jit.inner` makes them.
This module is loaded when the first kernel is compiled; processes that load all their kernels from
disk do without it.
"""

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler, CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.typed_passes import NativeLowering


class _Kept:
    """Stands for the compiler of a library that has no machine code."""

    @staticmethod
    def set_env(name, environment):
        """Do nothing: only exceptions with arguments that are computed read it."""


class InnerLibrary(JITCodeLibrary):
    """A kernel as numba has lowered it, for kernels that call it.

    These contain it, and are optimized and become machine code as a whole. To do the same with each
    kernel alone takes about a sixth of the time of compiling.
    """

    codegen = property(lambda self: _Kept)

    def get_pointer_to_function(self, name):
        """Return 0, as for any library that does not have a function."""
        self._ensure_finalized()
        return 0

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self):
        pass

    def _finalize_final_module(self):
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class InnerLowering(NativeLowering):
    """numba's lowering, into an `InnerLibrary`."""

    _name = "subopt_inner_lowering"

    def run_pass(self, state):
        state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)
        if type(state.library) is JITCodeLibrary:
            state.library.__class__ = InnerLibrary
        return super().run_pass(state)


class InnerCompiler(CompilerBase):
    """numba's compiler, with `InnerLowering`."""

    def define_pipelines(self):
        """Return numba's passes, with another one for lowering."""
        steps = DefaultPassBuilder.define_nopython_pipeline(self.state).passes
        pipeline = PassManager("nopython")
        for step, description in steps:
            pipeline.add_pass(InnerLowering if step is NativeLowering else step, description)
        pipeline.finalize()
        return [pipeline]


REPLACED = (
    "codegen",
    "get_pointer_to_function",
    "_ensure_finalized",
    "_optimize_functions",
    "_optimize_final_module",
    "_finalize_final_module",
    "_finalize_dynamic_globals",
)
"""What `InnerLibrary` replaces or calls."""


def of_inner_kernels(library=JITCodeLibrary):
    """Return the compiler of inner kernels; numba's own if its libraries are unknown here."""
    return InnerCompiler if all(hasattr(library, name) for name in REPLACED) else Compiler
