"""The examples of the PyTorch layer and of its page run."""

import ast
import doctest
import importlib
import inspect
import pathlib
import pkgutil
import textwrap

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import comixup  # noqa: E402
import comixup.torch  # noqa: E402

# what a reader of a docstring has imported
NAMES = {name: getattr(comixup, name) for name in comixup.__all__}
NAMES |= {name: getattr(comixup.torch, name) for name in comixup.torch.__all__}
NAMES |= {"np": np, "torch": torch, "nn": torch.nn}
MODULES = [m.name for m in pkgutil.iter_modules(comixup.torch.__path__) if m.name != "lightning"]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(f"comixup.torch.{name}")
    torch.manual_seed(0)
    assert doctest.testmod(module, extraglobs=NAMES).failed == 0


@pytest.mark.parametrize(
    ("page", "examples"),
    [("torch.md", 20), ("recipes.md", 15), ("evaluate.md", 15), ("coming_from/timm.md", 3)],
)
def test_the_how_to(page, examples):
    path = pathlib.Path(__file__).parents[1] / "docs" / page
    result = doctest.testfile(str(path), module_relative=False)
    assert result.attempted > examples
    assert result.failed == 0


def test_public_names_are_sorted_and_documented():
    assert sorted(comixup.torch.__all__) == comixup.torch.__all__
    for name in comixup.torch.__all__:
        assert getattr(comixup.torch, name).__doc__


def public(owner, names):
    for name in names:
        found = getattr(owner, name)
        yield found
        if inspect.isclass(found):
            own = [n for n, m in vars(found).items() if inspect.isfunction(m) and n[0] != "_"]
            yield from public(found, own)


def test_what_raises_says_so():
    calls = 0
    for found in public(comixup.torch, comixup.torch.__all__):
        if inspect.isfunction(found):
            tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(found))))
            calls += 1
            if any(isinstance(node, ast.Raise) for node in ast.walk(tree)):
                assert "Raises\n" in found.__doc__, found
    assert calls > 15
