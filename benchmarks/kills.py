"""Kill `comixup mix` at random moments, and run it twice at once; results must be the same bytes.

    python benchmarks/kills.py --kills 200 --pairs 50
    python benchmarks/kills.py --kills 50 --pairs 10 --jobs 2     # on processes

Each killed run is followed by more until one ends by itself. Afterwards the output folder has the
files of a run that nobody disturbed, byte for byte, and no other file. Of two runs at once, one
writes the folder; the other says so, or finds it complete. `--minutes` ends earlier: call it again
with another `--seed`.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

OPTIONS = ["--group", "4", "--effort", "fast", "--threads", "1", "--report", "--metadata"]


def save_pictures(source: Path) -> None:
    """Save twelve noise pictures of three classes, 16 x 16."""
    rng = np.random.default_rng(0)
    for i in range(12):
        folder = source / "abc"[i % 3]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:02d}.png")


def command(source: Path, output: Path) -> list[str]:
    """Return the command that mixes `source` into `output`."""
    return [sys.executable, "-m", "comixup", "mix", str(source), str(output), *OPTIONS]


def contents(output: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a folder, by name; folders as well."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes() if path.is_file() else b"/"
        for path in sorted(output.rglob("*"))
    }


def start(source: Path, output: Path) -> subprocess.Popen[bytes]:
    """Start a run whose messages nobody reads."""
    return subprocess.Popen(
        command(source, output), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def killed_run(
    source: Path, output: Path, moments: random.Random, seconds: float, end: float
) -> tuple[int, float]:
    """Run until one run ends by itself; return how many were killed before, and what it took.

    From the time `end` on, none is killed.
    """
    kills = 0
    while True:
        begin = time.perf_counter()
        process = start(source, output)
        limit = moments.uniform(0.3, 1.1) * seconds if begin < end else None
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        if code != 0:
            raise SystemExit(f"a run after {kills} kills ended with {code}")
        return kills, time.perf_counter() - begin


def pair(source: Path, output: Path) -> None:
    """Run twice at once: one of the two writes the folder, or both in turn."""
    codes = sorted(process.wait() for process in [start(source, output) for _ in range(2)])
    if codes[0] != 0 or codes[1] not in (0, 2):
        raise SystemExit(f"two runs at once ended with {codes}")


def main() -> None:
    """Run both experiments and print what came out, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="mix on so many processes")
    options = parser.parse_args()
    if options.jobs is not None:
        OPTIONS.extend(["--jobs", str(options.jobs)])
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        source, output = root / "photos", root / "out"
        save_pictures(source)
        for _ in range(2):  # the first one may compile
            shutil.rmtree(output, ignore_errors=True)
            begin = time.perf_counter()
            subprocess.run(command(source, output), check=True, capture_output=True)
            seconds = time.perf_counter() - begin
        whole = contents(output)
        end = time.perf_counter() + 60 * options.minutes
        kills = runs = pairs = different = 0
        while (kills < options.kills or pairs < options.pairs) and time.perf_counter() < end:
            if kills < options.kills:
                shutil.rmtree(output)
                killed, took = killed_run(source, output, moments, seconds, end)
                kills, seconds = kills + killed, (seconds + took) / 2  # as busy as the machine is
                runs += 1
                different += contents(output) != whole
            if pairs < options.pairs:
                shutil.rmtree(output)
                pair(source, output)
                pairs += 1
                different += contents(output) != whole
    found = {"kills": kills, "runs after kills": runs, "pairs": pairs, "different": different}
    print(json.dumps({**found, "seconds of a run": round(seconds, 2)}))
    if different:
        raise SystemExit("not all folders hold the same bytes")


if __name__ == "__main__":
    main()
