"""Imports point one way, and importing costs nothing that is not needed."""

import ast
import pathlib
import subprocess
import sys

import pytest

from subopt._base.jit import any_order, any_order_without_nan

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("subopt", "comixup")
LAZY = {
    "torch",
    "lightning",
    "timm",
    "jax",
    "keras",
    "PIL",
    "tqdm",
    "matplotlib",
    "skimage",
    "sklearn",
    "networkx",
    "cvxpy",
    "hypothesis",
}


def modules():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def imported(tree, *, top_level_only=False):
    """Absolute names of imported modules, and of the names imported from packages."""
    nodes = tree.body if top_level_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


MODULES = dict(modules())


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_one_way(name):
    tree = ast.parse(MODULES[name].read_text())
    ours = {m for m in imported(tree) if m.split(".")[0] in PACKAGES}
    if name.startswith("subopt."):
        assert not [m for m in ours if m.startswith("comixup")], "subopt does not know comixup"
    if name.startswith("comixup"):
        import subopt

        public = {"subopt"} | {f"subopt.{n}" for n in subopt.__all__}
        private = {m for m in ours if m.startswith("subopt")} - public
        assert not private, "comixup uses public names of subopt only"
    if name.startswith("subopt.labeling"):
        allowed = (
            "subopt._",
            "subopt.result",
            "subopt.certificate",
            "subopt.labeling",
            "subopt.graph",
        )
        assert all(m == "subopt" or m.startswith(allowed) for m in ours), ours
    if name.startswith("subopt.graph"):
        allowed = ("subopt._", "subopt.result", "subopt.certificate", "subopt.graph")
        assert all(m == "subopt" or m.startswith(allowed) for m in ours), ours
    if name.startswith("subopt.functions"):
        forbidden = ("subopt.labeling", "subopt.minimize", "subopt.solvers", "subopt.graph")
        assert not [m for m in ours if m.startswith(forbidden)]
    if name.startswith("subopt.solvers."):
        others = {m for m in ours if m.startswith("subopt.solvers.")}
        assert all(m.split(".")[2].startswith("_") for m in others), (
            "solvers never import each other"
        )


def test_sums_in_any_order_are_inlined():
    # a copy that is called rounds otherwise than one that is inlined, and which of them runs
    # depends on whether the process compiles or loads
    loose = [name for name, path in MODULES.items() if "fastmath" in path.read_text()]
    assert loose == ["subopt._jit"]
    for kernels in (any_order, any_order_without_nan):
        assert kernels.keywords["forceinline"]


@pytest.mark.parametrize("name", MODULES)
def test_optional_packages_are_imported_where_they_are_used(name):
    tree = ast.parse(MODULES[name].read_text())
    top = {m.split(".")[0] for m in imported(tree, top_level_only=True)}
    expected = {"hypothesis"} if name == "subopt._strategies" else set()
    if name.startswith("comixup.torch"):
        expected = {"torch"}
    if name == "comixup.torch.lightning":
        expected |= {"lightning"}
    assert top & LAZY <= expected


@pytest.mark.parametrize("name", MODULES)
def test_only_the_layer_for_torch_knows_torch(name):
    if name.startswith("comixup.torch"):
        return
    everything = set(imported(ast.parse(MODULES[name].read_text())))
    assert not [m for m in everything if m.split(".")[0] in ("torch", "lightning")]
    assert not [m for m in everything if m.startswith("comixup.torch")]


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_loads_nothing_optional(package):
    names = sorted(LAZY | {"scipy.sparse"})
    code = f"import sys, {package}; print(*(set({names!r}) & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout.split() == []
