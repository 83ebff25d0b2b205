"""`main`: loads the command line, and ends without a traceback if Ctrl-C interrupts it."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; Ctrl-C ends it without a traceback, also while modules are loaded.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        0 for success, 1 if the work failed, 2 for wrong arguments, 130 if interrupted.
    """
    try:
        from comixup.cli import _main

        return _main.main(argv)
    except KeyboardInterrupt:
        sys.stderr.write("comixup: interrupted.\n")
        return 130
