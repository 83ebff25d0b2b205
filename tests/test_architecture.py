"""Imports point one way, and importing costs nothing that is not needed."""

import ast
import pathlib
import subprocess
import sys

import pytest

from subopt._jit import any_order, any_order_without_nan

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


# The parts of comixup, in an order in which nothing imports what comes later, and what each part
# may import. What is imported late, or for annotations alone, counts.
COMIXUP = {
    "_base": (),
    "saliency": ("_base",),
    "plans": ("_base",),
    "mixers": ("_base", "saliency", "plans", "subopt"),
    "evaluate": ("_base", "plans"),
    "torch": ("_base", "saliency", "plans", "mixers"),
    "cli": ("_base", "saliency", "plans", "mixers"),
    "__init__": ("_base", "saliency", "plans", "mixers", "evaluate"),
    "__main__": ("cli",),
}


def targets(tree, known):
    """Yield the modules of ours that are imported; a package where a name of it is taken."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in PACKAGES:
            whole = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in known else node.module for name in whole)


def comixup_imports():
    names = {name.removesuffix(".__init__"): path for name, path in MODULES.items()}
    ours = [name for name in names if name.split(".")[0] == "comixup"]
    return {name: set(targets(ast.parse(names[name].read_text()), names)) for name in ours}


def part(name):
    """Return the part of comixup that a module belongs to; "subopt" for one of subopt."""
    package, _, rest = name.partition(".")
    return package if package == "subopt" else rest.split(".")[0] or "__init__"


def test_the_parts_of_comixup_are_the_ones_that_are_listed():
    assert {part(name) for name in comixup_imports()} == set(COMIXUP)
    order = ["subopt", *COMIXUP]
    for here, allowed in COMIXUP.items():
        assert all(order.index(there) < order.index(here) for there in allowed)


@pytest.mark.parametrize("name", comixup_imports())
def test_parts_of_comixup_import_what_stands_below_them(name):
    here = part(name)
    wrong = [
        there for there in comixup_imports()[name] if part(there) not in (here, *COMIXUP[here])
    ]
    assert not wrong


def test_no_module_of_comixup_imports_itself_by_way_of_others():
    imports = comixup_imports()
    left = dict(imports)
    while free := [name for name, needs in left.items() if not needs & set(left)]:
        for name in free:
            del left[name]
    assert not left, "these import each other in a circle"
