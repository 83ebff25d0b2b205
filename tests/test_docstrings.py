"""Docstrings of public names hold the numpydoc checks that pyproject.toml chooses.

They are checked as they are at run time, because the wording of shared options is put into them by
`subopt._base.options.documented`.
"""

import ast
import dataclasses
import enum
import importlib
import inspect
import pathlib
import textwrap
from dataclasses import is_dataclass

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 and later")
validation = pytest.importorskip("numpydoc.validate", reason="part of the extra `docs`")

ROOT = pathlib.Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["numpydoc_validation"]
MODULES = [
    "subopt",
    "subopt.compat.networkx",
    "subopt.compiling",
    "subopt.cvx",
    "subopt.executors",
    "subopt.testing",
    "comixup",
]
MODULES += ["subopt.compat.maxflow", "subopt.compat.maxflow.fastmin", "subopt.compat.gco"]
MODULES += [
    "subopt.interop",
    "subopt.interop.sklearn",
    "comixup.evaluate",
    "comixup.saliency",
    "comixup.torch",
]
MODULES += ["comixup.torch.lightning"]


def public(module):
    """Public names of a module, and public methods and properties of its classes.

    Methods that a class takes from a base of this project that has no public name are its own.
    """
    package = importlib.import_module(module)
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isfunction(value):
            yield f"{module}.{name}", value
        elif inspect.isclass(value):
            yield f"{module}.{name}", value
            kinds = (classmethod, staticmethod, property)
            for base in value.__mro__:
                if not base.__module__.startswith(("subopt", "comixup")):
                    continue
                for member, entry in vars(base).items():
                    if not member.startswith("_") and (
                        inspect.isfunction(entry) or isinstance(entry, kinds)
                    ):
                        yield f"{module}.{name}.{member}", entry


def complaints(path):
    """Checks that a docstring fails, as ``(code, message)``."""
    value = validation.Validator._load_obj(path)
    described = {entry.name for entry in validation.get_doc_object(value)["Attributes"]}
    is_enum = inspect.isclass(value) and issubclass(value, enum.Enum)
    fields = [f for f in dataclasses.fields(value) if f.init] if is_dataclass(value) else []
    for code, message in validation.validate(path)["errors"]:
        if code not in CONFIG["checks"]:
            continue
        if code == "PR01" and (is_enum or (fields and {f.name for f in fields} <= described)):
            continue  # the fields of an answer are its attributes; members have names
        if code == "PR03" and fields and all(f.kw_only for f in fields):
            continue  # keywords have no order: a class describes its own before those it inherits
        yield code, message


def names():
    seen = set()
    for module in MODULES:
        needed = module.rpartition(".")[2] if module.startswith("comixup.torch") else None
        if needed and not all(map(importlib.util.find_spec, {"torch", needed})):
            continue
        for path, entry in public(module):
            if id(entry) not in seen and path not in seen:
                seen |= {id(entry), path}
                yield path


@pytest.mark.parametrize("path", list(names()))
def test_docstrings_are_complete(path):
    assert [f"{code}: {message}" for code, message in complaints(path)] == []
    text = validation.Validator._load_obj(path).__doc__ or ""
    assert "%(" not in text  # shared wording is put in
    assert "%%" not in text


@pytest.mark.parametrize("path", list(names()))
def test_options_are_shown(path):
    value = validation.Validator._load_obj(path)
    error = inspect.isclass(value) and issubclass(value, BaseException)
    if not callable(value) or error or path == "subopt.compiling.njit":  # numba has its options
        return
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            assert str(parameter.annotation).startswith("Unpack["), "an editor shows no option"


def raises(value):
    """Whether a function, or the constructor of a class, raises or has its arguments checked."""
    if isinstance(value, property):
        value = value.fget
    if inspect.isclass(value):
        value = vars(value).get("__init__") or vars(value).get("__post_init__")
    function = inspect.unwrap(value) if callable(value) else None
    if not inspect.isfunction(function) or function.__code__.co_filename.startswith("<"):
        return False  # made by `dataclass`
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    raised = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Raise)]
    return any("NotImplementedError" not in text for text in raised) or any(
        call.startswith(("validate.", "require_")) for call in calls
    )


@pytest.mark.parametrize("path", list(names()))
def test_what_is_raised_is_documented(path):
    value = validation.Validator._load_obj(path)
    if raises(value):
        assert validation.get_doc_object(value)["Raises"], f"{path} has no section Raises"


if __name__ == "__main__":  # print what fails, by name
    for path in names():
        for code, message in complaints(path):
            print(path, code, message)  # noqa: T201
