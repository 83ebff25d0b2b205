"""The command line, `comixup demo` and `comixup mix`, and the folders that it reads and writes."""

from comixup.cli._entry import main

__all__ = ["main"]
