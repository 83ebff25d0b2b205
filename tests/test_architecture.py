"""The house: which wing may import which, no cycles, and nothing loaded that is not needed.

All imports count: at the top of a file, inside functions, and under ``TYPE_CHECKING``.
"""

import ast
import json
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from subopt._base.jit import without_nan

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ("subopt", "comixup")

# What each wing may import besides itself. Wings that are not named here are doors: they may import
# every wing, and no wing imports them.
WINGS = {
    "subopt._base": set(),
    "subopt.functions": {"subopt._base"},
    "subopt.constraints": {"subopt._base"},
    "subopt.forms": {"subopt._base", "subopt.functions"},
    "subopt.graph": {"subopt._base"},
    "subopt.graph.grid": {"subopt._base", "subopt.graph"},
    "subopt.submodular": {
        "subopt._base",
        "subopt.functions",
        "subopt.forms",
        "subopt.graph",
        "subopt.graph.grid",
    },
    "subopt.difference": {
        "subopt._base",
        "subopt.constraints",
        "subopt.functions",
        "subopt.forms",
        "subopt.submodular",
        "subopt.difference.exact",
    },
    "subopt.difference.exact": {
        "subopt._base",
        "subopt.constraints",
        "subopt.functions",
        "subopt.forms",
        "subopt.submodular",
        "subopt.difference",
    },
    "subopt.constrained": {
        "subopt._base",
        "subopt.constraints",
        "subopt.functions",
        "subopt.submodular",
        "subopt.difference",
        "subopt.difference.exact",
    },
    "subopt.maximization": {"subopt._base", "subopt.functions", "subopt.constraints"},
    "subopt.labeling": {
        "subopt._base",
        "subopt.graph",
        "subopt.graph.grid",
        "subopt.labeling.moves",
    },
    "subopt.labeling.moves": {"subopt._base", "subopt.graph", "subopt.labeling"},
    "subopt.coupled": {
        "subopt._base",
        "subopt.graph",
        "subopt.graph.grid",
        "subopt.labeling",
        "subopt.labeling.moves",
    },
    # comixup takes public names of subopt, which no line here says; see the test below
    "comixup._base": set(),
    "comixup.saliency": {"comixup._base"},
    "comixup.plans": {"comixup._base", "comixup.saliency"},
    "comixup.mixers": {"comixup._base", "comixup.plans", "comixup.saliency"},
    "comixup.evaluate": {"comixup._base", "comixup.plans"},
    "comixup.torch": {"comixup._base", "comixup.plans", "comixup.saliency", "comixup.mixers"},
    "comixup.cli": {"comixup._base", "comixup.plans", "comixup.saliency", "comixup.mixers"},
}
DOORS = {
    "subopt.__init__",
    "subopt.__main__",
    "subopt._minimize",
    "subopt._minimize_many",
    "subopt.compat",
    "subopt.compiling",
    "subopt.cvx",
    "subopt.executors",
    "subopt.interop",
    "subopt.testing",
    "comixup.__init__",
    "comixup.__main__",
}
MAX_FLOORS = 9
MAX_GRID_CUT = 12  # modules, those of `_base` included, besides the `__init__` of packages
COMPILING = {"subopt._base.compiler", "subopt._base.compile_time"}  # in addition, if numba compiles
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


MODULES = dict(modules())
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


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


def is_list_of_names(name):
    """Whether a module is an ``__init__`` that only says what its package exports."""
    return name.endswith(".__init__") and not any(
        isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("__")
        for node in TREES[name].body
    )


def depends(name):
    """Modules of ours that a module imports; a package that is a list of names counts for nothing.

    ``from subopt.graph import grid_cut`` inside the house would go through such a list.
    """
    found = set()
    for target in imported(TREES[name]):
        for candidate in (target, f"{target}.__init__"):
            if candidate in MODULES and not is_list_of_names(candidate):
                found.add(candidate)
    return found - {name}


GRAPH = {name: depends(name) for name in MODULES if not is_list_of_names(name)}


def closure(name):
    """All modules of ours that importing a module loads in the end."""
    seen, todo = set(), [name]
    while todo:
        for target in GRAPH[todo.pop()] - seen:
            seen.add(target)
            todo.append(target)
    return seen


def wing_of(name):
    """The innermost wing that a module is in, or None for a door."""
    parents = [wing for wing in WINGS if name == wing or name.startswith(f"{wing}.")]
    return max(parents, key=len, default=None)


def folder_of(name):
    return wing_of(name) or name.removesuffix(".__init__")


@pytest.mark.parametrize("name", GRAPH)
def test_wings_import_only_the_wings_that_they_stand_on(name):
    wing = wing_of(name)
    if wing is None:
        assert any(name == door or name.startswith(f"{door}.") for door in DOORS), (
            f"{name} is at the root, where only the doors are"
        )
        return
    package = name.split(".")[0]  # doors of the other package are public, see below
    inside = {target for target in GRAPH[name] if target.split(".")[0] == package}
    others = {wing_of(target) for target in inside} - {wing}
    assert None not in others, f"{name} imports a door"
    assert others <= WINGS[wing], f"{wing} may not import {others - WINGS[wing]}"
    through_lists = {
        target
        for target in imported(TREES[name])
        if f"{target}.__init__" in MODULES and target.split(".")[0] == name.split(".")[0]
    }
    names = {f"{package}.{n}" for package in through_lists for n in submodules(package)}
    public = [t for t in imported(TREES[name]) if t.rpartition(".")[0] in through_lists]
    assert all(t in names for t in public), f"{name} imports through a list of public names"


def submodules(package):
    return {m.removeprefix(f"{package}.").split(".")[0] for m in MODULES if m.startswith(package)}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_cycles(package):
    state = {}

    def visit(name, trail):
        if state.get(name) == "done":
            return
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        for target in sorted(GRAPH[name]):
            visit(target, [*trail, name])
        state[name] = "done"

    for name in GRAPH:
        if name.startswith(package):
            visit(name, [])


def test_the_house_is_not_a_tower():
    # floors of the folders: a folder stands above every folder that it imports
    arrows = {}
    for name, targets in GRAPH.items():
        if name.startswith("subopt"):
            here = arrows.setdefault(folder_of(name), set())
            here |= {folder_of(t) for t in targets if t.startswith("subopt")} - {folder_of(name)}
    inner = {"subopt.difference.exact", "subopt.labeling.moves", "subopt.graph.grid"}

    def floor(folder):
        below = arrows[folder]
        if folder in inner:  # a wing and the room inside it share a floor
            below = below - {folder.rpartition(".")[0]}
        return 1 + max((floor(other) for other in below), default=0)

    assert max(map(floor, arrows)) <= MAX_FLOORS


CUT_GRIDS = """
import json, sys
import numpy as np

r = np.random.default_rng(0).random
rows = np.arange(70 * 20).reshape(70, 20) // 20
chess = (np.add.outer(np.arange(40), np.arange(40)) % 2).astype(float)
GRIDS = {
    "small": (r((8, 8)), r((8, 8)), 0.5),
    "small, lowered": (r((8, 8)), r((8, 8)), 1e9),
    "many neighbors": (r((8, 8)), r((8, 8)), [0.1] * 4, [(0, 1), (1, 0), (1, 1), (1, -1)]),
    "large": (r((40, 40)), r((40, 40)), 0.25),
    "large ints": ((100 * r((40, 40))).astype(int), (100 * r((40, 40))).astype(int), 20),
    "volume": (r((11, 11, 11)), r((11, 11, 11)), 0.1),
    "periodic": (r((12, 12)), r((12, 12)), 0.3, None, True),
    "long": (r(1100), r(1100), 0.3),
    "short paths": (2 * chess, 2 * (1 - chess), 0.7),
    "short paths, lowered": (2 * chess, 2 * (1 - chess), [0.7, 1e9]),
    "long paths": (rows < 2, rows > 67, [1 + r((69, 20)), 1 + r((70, 19))]),
    "long paths, lowered": (1e9 * (rows < 2), 1e9 * (rows > 67), 1.0),
}
for name, (source, sink, weights, *neighbors) in GRIDS.items():
    for module in [m for m in sys.modules if m.split(".")[0] == "subopt"]:
        del sys.modules[module]
    if sys.argv[1] == "compiled later":
        from subopt._base import jit

        jit._is_kept, jit.PATIENCE = lambda kernel: False, 1.0
    from subopt.graph import grid_cut

    options = dict(zip(("offsets", "periodic"), neighbors))
    method = grid_cut(source, sink, weights, **options).method
    print(json.dumps([name, method, [m for m in sys.modules if m.split(".")[0] == "subopt"]]))
"""


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="kernels need the scalars of numpy 2 here"
)
@pytest.mark.parametrize("how", ["as plain Python", "compiled later", "compiled"])
def test_a_grid_cut_loads_few_modules(how):
    used = closure("subopt.graph.grid.cut")
    assert not [name for name in used if name.startswith(("subopt.functions", "subopt.forms"))]
    run = subprocess.run(
        [sys.executable, "-c", CUT_GRIDS, how],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1" if how == "as plain Python" else "0"},
    )
    packages = {"subopt", "subopt._base", "subopt.graph", "subopt.graph.grid"}
    methods, most = set(), set()
    for name, method, loaded in map(json.loads, run.stdout.splitlines()):
        assert packages == {m for m in loaded if m not in MODULES}
        assert len(set(loaded) - packages - COMPILING) <= MAX_GRID_CUT, (name, method, loaded)
        methods.add(method)
        most |= set(loaded) - packages
    # the grids above need all that grid_cut may load
    assert {"dinic", "boykov_kolmogorov"} < methods
    assert {m.rpartition(", then ")[2] for m in methods} >= {"waves", "push_relabel"}
    late = {"graph._lowered", "graph.grid._push_relabel", "graph.grid._dinic_bits"}
    late |= {"_base.plain"} if how == "compiled later" else set()
    assert {f"subopt.{name}" for name in late} <= most


@pytest.mark.parametrize(
    "name", [n for n in MODULES if n.endswith("__init__") and n.startswith("subopt")]
)
def test_lists_of_names_agree(name):
    # type checkers read the imports under TYPE_CHECKING, Python the table of modules
    tree = TREES[name]
    package = name.removesuffix(".__init__")
    read = {
        f"{node.module}.{alias.name}"
        for block in tree.body
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in block.body
        for alias in node.names
        if alias.name != "*"
    }
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "exports"
    ]
    table = ast.literal_eval(calls[0].args[1]) if calls else {}
    assert read == {f"{package}.{m}.{n}" for m, names in table.items() for n in names}


@pytest.mark.parametrize("name", MODULES)
def test_subopt_does_not_know_comixup_which_knows_its_public_names(name):
    ours = {m for m in imported(TREES[name]) if m.split(".")[0] in PACKAGES}
    if name.startswith("subopt"):
        assert not [m for m in ours if m.startswith("comixup")], "subopt does not know comixup"
    if name.startswith("comixup"):
        import subopt
        from subopt import compiling, executors, interop

        public = {"subopt", "subopt.__version__"} | {f"subopt.{n}" for n in subopt.__all__}
        for door in (compiling, executors, interop):
            public |= {door.__name__} | {f"{door.__name__}.{n}" for n in door.__all__}
        private = {m for m in ours if m.startswith("subopt")} - public
        assert not private, "comixup uses public names of subopt only"


def test_no_sum_is_reordered():
    # else a copy that is called rounds otherwise than one that is inlined, and which of them runs
    # depends on whether the process compiles or loads, and on the processor
    loose = [name for name, path in MODULES.items() if "fastmath" in path.read_text("utf-8")]
    assert loose == ["subopt._base.jit", "subopt._base.plain"]
    assert without_nan.keywords["fastmath"] == {"nnan", "nsz"}  # these change no result


@pytest.mark.parametrize("name", MODULES)
def test_optional_packages_are_imported_where_they_are_used(name):
    top = {m.split(".")[0] for m in imported(TREES[name], top_level_only=True)}
    expected = {"hypothesis"} if name == "subopt.testing.strategies" else set()
    if name.startswith("comixup.torch"):
        expected = {"torch"}
    if name.startswith("subopt.compat.networkx."):  # networkx loads it
        expected = {"networkx"}
    if name == "comixup.torch.lightning":
        expected |= {"lightning"}
    if name.startswith("subopt.interop.sklearn"):  # its classes are subclasses
        expected = {"sklearn"}
    assert top & LAZY <= expected


@pytest.mark.parametrize("name", MODULES)
def test_only_the_layer_for_torch_knows_torch(name):
    if name.startswith("comixup.torch"):
        return
    everything = set(imported(TREES[name]))
    assert not [m for m in everything if m.split(".")[0] in ("torch", "lightning")]
    assert not [m for m in everything if m.startswith("comixup.torch")]


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_loads_nothing_optional(package):
    names = sorted(LAZY | {"numba", "scipy.sparse"})
    code = f"import sys, {package}; print(*(set({names!r}) & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout.split() == []


def files_of_the_page_on_architecture():
    """Its lines about files."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    return page.partition("```\n")[2].partition("```")[0].splitlines()


def test_the_page_on_architecture_names_every_file_of_comixup():
    named, folder = set(), ""
    for line in files_of_the_page_on_architecture():
        first = line.split()[0]
        if not line.startswith(" "):
            folder = first if first.endswith("/") else ""
            named |= {first} if first.endswith(".py") else set()
        if folder.startswith("comixup/"):
            named |= {folder + name for name in re.findall(r"\b\w+\.py\b", line)}
    files = {path.relative_to(ROOT).as_posix() for path in MODULES.values()}
    assert named == {f for f in files if f.startswith("comixup/") and "/__" not in f}


def test_the_page_on_architecture_names_every_file_of_subopt():
    named, folder = set(), ""
    for line in files_of_the_page_on_architecture():
        if not line.startswith(" "):
            folder = line.split()[0]
        elif folder.startswith("subopt/"):
            named.add(folder + line.split()[0])
    files = {path.relative_to(ROOT).as_posix() for path in MODULES.values()}
    assert named == {f for f in files if f.startswith("subopt/") and "__init__" not in f}


@pytest.mark.parametrize(
    ("problem", "stranger"),
    [
        ("subopt.LabelingEnergy([[0, 1], [1, 0]], weights=1)", "subopt.functions.algebra"),
        ("subopt.CoupledLabelingProblem([[[-1.0]]])", "subopt.functions.algebra"),
        ("subopt.Modular([1])", "subopt.difference.select"),
    ],
)
def test_minimizing_loads_the_wing_of_the_problem_only(problem, stranger):
    code = f"import sys, subopt; subopt.minimize({problem}); print({stranger!r} in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert run.stdout == "False\n"


def test_no_module_hides_a_public_function():
    """``package.name`` is then the function, whichever of the two is imported first."""
    for name, tree in TREES.items():
        if not name.endswith(".__init__"):
            continue
        package = name.removesuffix(".__init__")
        imported_names = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if f"{node.module}.{alias.name}" not in MODULES
            and f"{node.module}.{alias.name}.__init__" not in MODULES
        }
        modules = {m.removesuffix(".__init__").rpartition(".") for m in MODULES}
        inner = {last for parent, _, last in modules if parent == package}
        assert not imported_names & inner, name


KERNELS = r"njit|^inner|^small_first|^uncounted|without_nan"


def compiled(decorators=KERNELS):
    """The compiled functions of both packages, with the names of their modules."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(
                re.search(decorators, ast.unparse(decorator)) for decorator in node.decorator_list
            ):
                yield f"{name}.{node.name}", node


def test_kernels_have_docstrings_few_arguments_and_named_fields():
    seen = dict(compiled())
    assert len(seen) > 150
    assert [name for name, f in seen.items() if len(f.args.args) > 8] == []
    assert [name for name, f in seen.items() if not ast.get_docstring(f)] == []
    tuples = [
        (name, target)
        for name, f in seen.items()
        for node in ast.walk(f)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Tuple)
    ]
    # what is left out of a tuple by position is what a field has a name for
    holes = [
        name
        for name, target in tuples
        if any(isinstance(part, ast.Name) and part.id == "_" for part in target.elts)
    ]
    assert holes == []


def test_inner_kernels_raise_no_computed_messages():
    # their arguments would be read from an environment that only machine code of their own has
    raised = [
        (name, ast.unparse(node))
        for name, f in compiled(r"^(jit\.)?inner")
        for node in ast.walk(f)
        if isinstance(node, ast.Raise | ast.Assert)
    ]
    assert len(dict(compiled(r"^(jit\.)?inner"))) > 20
    assert raised == []


def test_kernels_name_fields_instead_of_numbering_them():
    numbered = {
        (name.rpartition(".")[0], ast.unparse(node.value).rpartition(".")[2])
        for name, f in compiled()
        for node in ast.walk(f)
        if isinstance(node, ast.Subscript)
        for index in getattr(node.slice, "elts", [node.slice])
        if isinstance(index, ast.Name) and index.id.isupper()
    }
    assert numbered == set()


def test_kernels_that_python_calls_return_no_named_tuples():
    # numba makes those by a call of Python, where Ctrl-C that came meanwhile ends the process
    named = {
        node.name
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and "NamedTuple" in map(ast.unparse, node.bases)
    }
    assert len(named) > 50

    def makes_one(value):
        return isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in {
            *named,
            "_replace",
        }

    returned = []
    for name, f in compiled(r"njit|^small_first|^uncounted|^without_nan"):
        made = {
            target.id
            for node in ast.walk(f)
            if isinstance(node, ast.Assign) and makes_one(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(f):
            if isinstance(node, ast.Return):
                parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                if any(makes_one(p) or (isinstance(p, ast.Name) and p.id in made) for p in parts):
                    returned.append(name)
    assert returned == []


def test_public_functions_use_all_that_they_are_given():
    """Each parameter is read, by name or by `locals`; `verbose` by the decorator `reported`."""
    ignored = []
    for name, tree in TREES.items():
        if ".compat." in name:  # they have the signatures of the calls that they stand in for
            continue
        for f in tree.body:
            if not isinstance(f, ast.FunctionDef) or f.name.startswith("_"):
                continue
            arguments = f.args.posonlyargs + f.args.args + f.args.kwonlyargs
            read = {node.id for node in ast.walk(f) if isinstance(node, ast.Name)}
            if "locals" in read or [ast.unparse(d) for d in f.decorator_list] == ["overload"]:
                continue
            ignored += [f"{name}.{f.name}: {a.arg}" for a in arguments if a.arg not in read]
    assert [entry for entry in ignored if not entry.endswith(": verbose")] == []


def test_python_calls_no_inner_kernels():
    # there is nothing of them that it could run
    inside = {name for name, _ in compiled(r"^(jit\.)?inner")}
    kernels = {id(f) for _, f in compiled()}
    called = []
    for name, tree in TREES.items():
        known = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        known |= {f.name: f"{name}.{f.name}" for f in tree.body if isinstance(f, ast.FunctionDef)}
        within = {id(n) for f in ast.walk(tree) if id(f) in kernels for n in ast.walk(f)}
        called += [
            (name, ast.unparse(node))
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and id(node) not in within
            if isinstance(node.func, ast.Name) and known.get(node.func.id) in inside
        ]
    assert called == []
