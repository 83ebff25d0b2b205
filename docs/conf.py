"""Sphinx configuration. The pages of the reference are made from `__all__`, so none is missing."""

import ast
import importlib.util
import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).parents[1]
if importlib.util.find_spec("subopt") is None:
    sys.path.insert(0, str(ROOT))

import scipy.stats  # noqa: E402, F401  # with a mock of torch below it does not load

from subopt import __version__  # noqa: E402

project = "subopt"
author = "The subopt developers"
copyright = author
release = version = __version__
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    "sphinxext.opengraph",
    "sphinx-mathjax-offline",  # formulas need no other server
]
html_theme = "furo"
html_title = f"subopt {release}"
templates_path = ["_templates"]
exclude_patterns = ["_build", "_templates", "gallery"]
html_static_path = ["_static"]
html_css_files = ["custom.css"]
html_theme_options = {"navigation_with_keys": True}
default_role = "py:obj"  # names in docstrings are links where they are documented
autodoc_typehints = "none"
autodoc_member_order = "bysource"
# the pages build without what they do not need to run
autodoc_mock_imports = [
    name
    for name in ("torch", "lightning", "networkx", "sklearn")
    if importlib.util.find_spec(name) is None
]
numpydoc_show_class_members = False  # the pages list them
myst_heading_anchors = 3
myst_enable_extensions = ["dollarmath"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
# the names of other packages become links where their inventories can be fetched
intersphinx_mapping = {}
if os.environ.get("READTHEDOCS") or os.environ.get("SUBOPT_DOCS_LINKS"):
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "scipy": ("https://docs.scipy.org/doc/scipy", None),
        "torch": ("https://docs.pytorch.org/docs/stable", None),
    }
ogp_site_url = os.environ.get("READTHEDOCS_CANONICAL_URL", "https://subopt.readthedocs.io/")
ogp_description_length = 200
ogp_social_cards = {"enable": False}
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "min_reported_time": 3600,
    "write_computation_times": False,
    "capture_repr": (),  # pages print what they show
    "within_subsection_order": "FileNameSortKey",
    "backreferences_dir": None,
    "plot_gallery": True,
    # without torch, pages that train are shown, because others link to them, but do not run
    "filename_pattern": re.escape(os.sep)
    + ("plot" if importlib.util.find_spec("torch") else "plot(?!.*timm_to)"),
}

# Chapters of the reference: a title, the module that is quoted, the module that lists the names.
CHAPTERS = [
    ("Front door", "subopt", "subopt"),
    ("Set functions", "subopt", "subopt.functions"),
    ("Constraints", "subopt", "subopt.constraints"),
    ("Submodular minimization", "subopt", "subopt.submodular"),
    ("Differences of submodular functions", "subopt", "subopt.difference"),
    ("Minimization under constraints", "subopt", "subopt.constrained"),
    ("Maximization", "subopt", "subopt.maximization"),
    ("Graphs and grids", "subopt", "subopt.graph"),
    ("Labelings", "subopt", "subopt.labeling"),
    ("Coupled labelings", "subopt", "subopt.coupled"),
    ("subopt.testing", "subopt.testing", "subopt.testing"),
    ("subopt.cvx", "subopt.cvx", "subopt.cvx"),
    ("subopt.interop", "subopt.interop", "subopt.interop"),
    ("subopt.interop.sklearn", "subopt.interop.sklearn", "subopt.interop.sklearn"),
    ("subopt.compat.networkx", "subopt.compat.networkx", "subopt.compat.networkx"),
    ("subopt.compiling", "subopt.compiling", "subopt.compiling"),
    ("subopt.executors", "subopt.executors", "subopt.executors"),
    ("subopt.compat.maxflow", "subopt.compat.maxflow", "subopt.compat.maxflow"),
    (
        "subopt.compat.maxflow.fastmin",
        "subopt.compat.maxflow.fastmin",
        "subopt.compat.maxflow.fastmin",
    ),
    ("subopt.compat.gco", "subopt.compat.gco", "subopt.compat.gco"),
    ("comixup", "comixup", "comixup"),
    ("comixup.saliency", "comixup.saliency", "comixup.saliency"),
    ("comixup.evaluate", "comixup.evaluate", "comixup.evaluate"),
    ("comixup.torch", "comixup.torch", "comixup.torch"),
    ("comixup.torch.lightning", "comixup.torch.lightning", "comixup.torch.lightning"),
]


def public_names(module):
    """Return `__all__` of a module; read, not imported, where packages may be missing."""
    if module in ("comixup.torch", "comixup.torch.lightning", "subopt.interop.sklearn"):
        path = ROOT.joinpath(*module.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
                return ast.literal_eval(node.value)
    return list(importlib.import_module(module).__all__)


def chapters():
    """Yield the title, the quoted module and the names of every chapter of the reference."""
    seen = set()
    for title, quoted, module in reversed(CHAPTERS):
        names = [f"{quoted}.{name}" for name in public_names(module)]
        names = [name for name in names if name not in seen and name not in MODULES]
        seen.update(names)
        yield title, quoted, [name.removeprefix(f"{quoted}.") for name in names]


MODULES = {module for _, _, module in CHAPTERS}


def write_reference(app):
    """Write one page per chapter, which autosummary turns into one page per object."""
    folder = pathlib.Path(app.srcdir) / "reference"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    app.config.autosummary_generate = []
    for k, (title, quoted, names) in enumerate(reversed(list(chapters()))):
        lines = [title, "=" * len(title), "", f".. currentmodule:: {quoted}", ""]
        lines += [".. autosummary::", "   :toctree: objects", "   :nosignatures:", ""]
        lines += [f"   {name}" for name in names]
        (folder / f"{k:02}.rst").write_text("\n".join(lines) + "\n", encoding="utf-8")
        app.config.autosummary_generate.append(f"reference/{k:02}.rst")


def link_to_pages_of_the_gallery(app, name, source):
    """Turn links to examples, which a clone has as sources, into links to their pages."""
    link = r"\]\(((?:\.\./)?)gallery(?:/([^)]+)\.py)?\)"
    source[0] = re.sub(
        link, lambda found: f"]({found[1]}auto_gallery/{found[2] or 'index'})", source[0]
    )


def setup(app):
    app.connect("source-read", link_to_pages_of_the_gallery)
    app.connect("builder-inited", write_reference, priority=100)  # before autosummary looks
