"""The examples of the documentation and of docstrings run."""

import doctest
import importlib
import pathlib
import pkgutil

import numpy as np
import pytest

import comixup

NAMES = {name: getattr(comixup, name) for name in comixup.__all__}
NAMES |= {name: getattr(comixup.evaluate, name) for name in comixup.evaluate.__all__}
SUBPACKAGE = [f"evaluate.{m.name}" for m in pkgutil.iter_modules(comixup.evaluate.__path__)]
MODULES = SUBPACKAGE + [
    m.name for m in pkgutil.iter_modules(comixup.__path__) if m.name not in ("__main__", "torch")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(f"comixup.{name}")
    result = doctest.testmod(module, extraglobs=NAMES | {"np": np})
    assert result.failed == 0


def test_the_how_to():
    path = pathlib.Path(__file__).parents[1] / "docs" / "comixup.md"
    result = doctest.testfile(str(path), module_relative=False)
    assert result.attempted > 20
    assert result.failed == 0
