"""The reference has every public name: its pages are made from `__all__` by docs/conf.py."""

import importlib
import pathlib
import runpy

import pytest

CONF = runpy.run_path(str(pathlib.Path(__file__).parents[1] / "docs" / "conf.py"))
PAGES = {f"{quoted}.{name}" for _, quoted, names in CONF["chapters"]() for name in names}


@pytest.mark.parametrize("module", sorted({quoted for _, quoted, _ in CONF["CHAPTERS"]}))
def test_every_public_name_has_a_page(module):
    if module.startswith("comixup.torch"):
        pytest.importorskip("torch")
    if module == "comixup.torch.lightning":
        pytest.importorskip("lightning")
    names = importlib.import_module(module).__all__
    assert sorted(CONF["public_names"](module)) == sorted(names)
    pages = {f"{module}.{name}" for name in names} - CONF["MODULES"]
    assert pages <= PAGES


def test_no_page_is_left_over():
    for page in PAGES:
        module, _, name = page.rpartition(".")
        if not module.startswith("comixup.torch"):
            assert hasattr(importlib.import_module(module), name)
