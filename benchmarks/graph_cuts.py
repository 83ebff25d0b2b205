"""Graph cuts next to PyMaxflow, gco-wrapper and others: the three scripts one after the other.

    SUBOPT_DATA=... OMP_NUM_THREADS=1 python benchmarks/graph_cuts.py [grid] [sparse] [labeling]

Each prints ratios of medians of runs that take turns, one thread on both sides, and is a script of
its own, `graph_cuts_NAME.py`, with options. Peers: pip install PyMaxflow gco-wrapper scikit-image
"""

import argparse
import pathlib
import subprocess
import sys

NAMES = ("grid", "sparse", "labeling")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="|".join(NAMES))
    names = parser.parse_args().names or NAMES
    if unknown := set(names) - set(NAMES):
        parser.error(f"{', '.join(sorted(unknown))} is none of {', '.join(NAMES)}")
    for name in names:
        script = pathlib.Path(__file__).with_name(f"graph_cuts_{name}.py")
        print(f"--- {script.name}", flush=True)
        subprocess.run([sys.executable, str(script)], check=True)


if __name__ == "__main__":
    main()
