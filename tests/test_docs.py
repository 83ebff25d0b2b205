"""The examples in docstrings and in the pages of the documentation run and are true."""

import doctest
import importlib.util
import pathlib
import pkgutil
import re
import runpy

import numpy as np
import pytest

import subopt
import subopt.testing

ROOT = pathlib.Path(__file__).parents[1]
MODULES = sorted(m.name for m in pkgutil.walk_packages(subopt.__path__, "subopt."))
# these need torch: tests/test_torch_docs.py runs them
NEED_TORCH = ("torch.md", "evaluate.md", "recipes.md", "timm.md")
PAGES = [p for p in sorted((ROOT / "docs").glob("**/*.md")) if p.name not in NEED_TORCH]
PAGES.insert(0, ROOT / "README.md")
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# what a reader of a docstring has imported
NAMES = {name: getattr(subopt, name) for name in subopt.__all__}
KIT = {name: getattr(subopt.testing, name) for name in subopt.testing.__all__}


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    module = importlib.import_module(name)
    names = NAMES | KIT | {"np": np}
    assert doctest.testmod(module, extraglobs=names, optionflags=OPTIONS).failed == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page):
    failed, _ = doctest.testfile(str(page), module_relative=False, optionflags=OPTIONS)
    assert failed == 0


def test_public_names_are_sorted_and_documented():
    for module in (subopt, subopt.testing):
        assert sorted(module.__all__) == module.__all__
        for name in module.__all__:
            assert getattr(module, name).__doc__


def test_links_of_a_published_readme_are_absolute():
    script = runpy.run_path(str(ROOT / ".ci" / "absolute_links.py"))
    text = script["absolute"]((ROOT / "README.md").read_text("utf-8"), "https://a.b/c/d", "v1")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert len(targets) > 10
    assert all(target.startswith("https://") for target in targets)


def test_no_text_installs_the_package_from_an_index_that_does_not_have_it():
    if not re.search(r"dev|a|b|rc", subopt.__version__):
        return  # a release
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.py")]
    for folder in ("subopt", "comixup", "examples"):
        files += (ROOT / folder).rglob("*.py")
    assert len(files) > 300
    by_name = re.compile(r"""(?:pip|uv) (?:install|add)(?:\s+-\S+)*\s+["']?(?:subopt|comixup)\b""")
    assert [str(path) for path in files if by_name.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("torch", [True, False])
def test_all_pages_of_the_gallery_are_built_whatever_is_installed(torch, monkeypatch):
    # others link to them
    known = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *package: (torch or None) if name == "torch" else known(name, *package),
    )
    gallery = runpy.run_path(str(ROOT / "docs" / "conf.py"))["sphinx_gallery_conf"]
    runs = {}
    for page in sorted((ROOT / "docs" / "gallery").rglob("plot_*.py")):
        assert not re.search(gallery.get("ignore_pattern", r"__init__\.py"), str(page))
        runs[page.name] = bool(re.search(gallery["filename_pattern"], str(page)))
    assert [name for name, run in runs.items() if not run] == (
        [] if torch else ["plot_3_timm_to_comixup.py"]
    )
