"""``python -m subopt``: print the version, or compile all kernels ahead of time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from subopt import __version__
from subopt._base import jit
from subopt.compiling import SOLVERS, warm_up


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m subopt", description=__doc__)
    parser.add_argument("--version", action="version", version=f"subopt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    warm = commands.add_parser(
        "warm-up", help="compile the solvers for this machine, and keep them in numba's cache"
    )
    warm.add_argument("solvers", nargs="*", metavar="SOLVER", help=f"all of: {', '.join(SOLVERS)}")
    warm.add_argument("--jobs", type=int, help="processes side by side; one per core by default")
    warm.add_argument("--quiet", action="store_true", help="print nothing")
    options = parser.parse_args(argv)
    if not jit.is_kept():
        print(f"{jit.NOTHING_IS_KEPT}. {jit.NAME_A_FOLDER}.", file=sys.stderr)
        return 1
    if not options.quiet:
        print("compiling for this machine, once", flush=True)
    try:
        warm_up(*options.solvers, jobs=options.jobs, callback=None if options.quiet else _tell)
    except ValueError as error:
        warm.error(str(error))
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _tell(solver: str, seconds: float) -> None:
    print(f"{seconds:6.1f} s  {solver}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
