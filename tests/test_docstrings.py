"""Docstrings of public names hold the numpydoc checks that pyproject.toml chooses.

They are checked as they are at run time, because the wording of shared options is put into them by
`subopt._base.options.documented`.
"""

import dataclasses
import importlib
import inspect
import pathlib

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 and later")
validation = pytest.importorskip("numpydoc.validate", reason="part of the extra `docs`")

ROOT = pathlib.Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["numpydoc_validation"]
# Not yet complete; a line goes when its docstring is.
TO_MEND = set((ROOT / "tests" / "docstrings_to_mend.txt").read_text("utf-8").split())
MODULES = ["subopt", "subopt.compiling", "subopt.cvx", "subopt.testing", "comixup"]
MODULES += ["subopt.interop.sklearn", "comixup.evaluate", "comixup.saliency", "comixup.torch"]


def public(module):
    """Public names of a module, and public methods and properties of its classes."""
    package = importlib.import_module(module)
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isfunction(value):
            yield f"{module}.{name}"
        elif inspect.isclass(value):
            yield f"{module}.{name}"
            kinds = (classmethod, staticmethod, property)
            for member, entry in vars(value).items():
                if not member.startswith("_") and (
                    inspect.isfunction(entry) or isinstance(entry, kinds)
                ):
                    yield f"{module}.{name}.{member}"


def complaints(path):
    """Checks that a docstring fails, as ``(code, message)``."""
    report = validation.validate(path)
    document = validation.get_doc_object(validation.Validator._load_obj(path))
    described = {entry.name for entry in document["Attributes"]}
    for code, message in report["errors"]:
        if code not in CONFIG["checks"]:
            continue
        value = validation.Validator._load_obj(path)
        if (
            code == "PR01"
            and dataclasses.is_dataclass(value)
            and {f.name for f in dataclasses.fields(value) if f.init} <= described
        ):
            continue  # an answer, whose fields are described as attributes
        yield code, message


def names():
    for module in MODULES:
        if module == "comixup.torch" and importlib.util.find_spec("torch") is None:
            continue
        yield from public(module)


@pytest.mark.parametrize("path", list(names()))
def test_docstrings_are_complete(path):
    if path in TO_MEND:
        pytest.skip("to be completed")
    assert [f"{code}: {message}" for code, message in complaints(path)] == []


if __name__ == "__main__":  # print what fails, by name
    for path in names():
        for code, message in complaints(path):
            print(path, code, message)  # noqa: T201
