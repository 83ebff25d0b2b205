"""Make the links of README.md absolute, and add project URLs: for what is published.

    python .ci/absolute_links.py https://github.com/OWNER/NAME v1.2.3

A release runs this in its own checkout before it builds; the files of the repository stay as they
are, because nothing in them depends on where it is hosted.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[1]
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)]+)\)")


def absolute(text: str, repository: str, tag: str) -> str:
    """Return Markdown whose relative links go to the files of a tag."""

    def link(found: re.Match[str]) -> str:
        picture, shown, path = found.groups()
        if not (ROOT / path.partition("#")[0]).exists():
            raise SystemExit(f"README.md links to {path}, which does not exist")
        return f"{picture}[{shown}]({repository}/{'raw' if picture else 'blob'}/{tag}/{path})"

    return LINK.sub(link, text)


def urls(repository: str, tag: str) -> str:
    """Return the table of project URLs for pyproject.toml."""
    return (
        "[project.urls]\n"
        f'Source = "{repository}"\n'
        f'Documentation = "{repository}/blob/{tag}/docs/index.md"\n'
        f'Changelog = "{repository}/blob/{tag}/CHANGELOG.md"\n'
        f'Issues = "{repository}/issues"\n\n'
    )


def main(repository: str, tag: str) -> None:
    """Rewrite README.md and pyproject.toml."""
    readme, project = ROOT / "README.md", ROOT / "pyproject.toml"
    readme.write_text(absolute(readme.read_text("utf-8"), repository, tag), "utf-8")
    before, found, after = project.read_text("utf-8").partition("[project.scripts]")
    project.write_text(before + urls(repository, tag) + found + after, "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
