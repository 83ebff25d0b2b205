"""The examples of the documentation and of docstrings run."""

import doctest
import importlib
import pathlib
import pickle
import pkgutil
import typing

import numpy as np
import pytest

import comixup

NAMES = {name: getattr(comixup, name) for name in comixup.__all__}
NAMES |= {name: getattr(comixup.evaluate, name) for name in comixup.evaluate.__all__}
WALK = pkgutil.walk_packages(comixup.__path__, "comixup.")
# classes that are public say that they are of comixup itself; torch has a test of its own
MODULES = ["comixup"] + [
    m.name for m in WALK if m.name != "comixup.__main__" and not m.name.startswith("comixup.torch")
]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs=NAMES | {"np": np})
    assert result.failed == 0
    if name == "comixup":
        assert result.attempted > 20


def test_the_how_to():
    path = pathlib.Path(__file__).parents[1] / "docs" / "comixup.md"
    result = doctest.testfile(str(path), module_relative=False)
    assert result.attempted > 20
    assert result.failed == 0


def test_classes_say_where_they_are_public():
    for name in comixup.__all__:
        value = getattr(comixup, name)
        if isinstance(value, type):
            assert f"{value.__module__}.{value.__qualname__}" == f"comixup.{name}"
            assert all(not isinstance(hint, str) for hint in typing.get_type_hints(value).values())
    plan = comixup.MixPlan.identity(2, (4,))
    assert b"comixup.plans" not in pickle.dumps(plan)
