"""`comixup demo`: mix the photographs of scikit-image and scikit-learn, and draw the result."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from comixup._base.atomic import write_file
from comixup._base.optional import require
from comixup._base.types import Array
from comixup.mixers.batch import MixedBatch
from comixup.mixers.comixup import CoMixup
from comixup.saliency import METHODS

SIZE = 256
SOFTWARE = "comixup demo"  # written into the picture: how a later run knows that it may replace it

# name, package, file in the wheel, square to cut: (left, top, side) as fractions of width and side
PHOTOGRAPHS = (
    ("astronaut", "skimage", "data/astronaut.png", (0.07, 0.0, 0.72)),
    ("cat", "skimage", "data/chelsea.png", (0.22, 0.0, 1.0)),
    ("coffee", "skimage", "data/coffee.png", (0.16, 0.0, 1.0)),
    ("flower", "sklearn", "datasets/images/flower.jpg", (0.18, 0.0, 1.0)),
    ("rocket", "skimage", "data/rocket.jpg", (0.25, 0.22, 0.75)),
    ("temple", "sklearn", "datasets/images/china.jpg", (0.0, 0.0, 1.0)),
    ("cameraman", "skimage", "data/camera.png", (0.1, 0.05, 0.75)),
    ("motorcycle", "skimage", "data/motorcycle_left.png", (0.18, 0.0, 1.0)),
)


def photographs() -> tuple[Array, list[str]]:
    """Return the photographs as uint8 (8, SIZE, SIZE, 3), and their names."""
    Image = require("PIL.Image", "comixup demo")
    images = []
    for name, package, file, (left, top, side) in PHOTOGRAPHS:
        # The file alone is needed, not the package, which takes a second to import.
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(
                f"comixup demo needs the {name} that {package} bundles, part of the extra `demo`: "
                'in a clone of the repository, python -m pip install ".[demo]"'
            )
        with Image.open(Path(spec.submodule_search_locations[0]) / file) as image:
            length = side * min(image.size)
            x, y = left * image.width, top * image.height
            box = (x, y, min(x + length, image.width), min(y + length, image.height))
            square = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS, box=box)
        images.append(np.asarray(square))
    return np.stack(images), [name for name, *_ in PHOTOGRAPHS]


def require_replaceable(path: Path) -> None:
    """Raise if `path` exists and is not a picture that an earlier demo wrote.

    Raises
    ------
    FileExistsError
        If it is anything else.
    """
    if not path.exists():
        return
    Image = require("PIL.Image", "comixup demo")
    try:
        with Image.open(path) as image:
            ours = image.info.get("Software") == SOFTWARE
    except OSError:
        ours = False
    if not ours:
        raise FileExistsError(
            f"{path} exists and was not written by comixup demo, so it stays as it is. Choose "
            "another --out, or say --force to replace it."
        )


def run(mixer: CoMixup, saliency: str, out: Path, say: Callable[[str], object]) -> MixedBatch:
    """Mix the photographs, draw to `out`, and report through `say`."""
    images, names = photographs()
    maps = METHODS[saliency](images, channels="last")
    times = []
    for _ in range(2):
        start = time.perf_counter()
        mixed = mixer.mix(images, np.eye(len(images)), maps)
        times.append(time.perf_counter() - start)
    figure = mixed.plan.draw(images, channels="last", names=names, saliency=maps)
    metadata = {"Software": SOFTWARE}
    write_file(
        out, lambda file: figure.savefig(file, format="png", metadata=metadata), overwrite=True
    )
    for line in table(mixed, names, times):
        say(line)
    return mixed


def table(mixed: MixedBatch, names: list[str], times: list[float]) -> list[str]:
    """Return the printed summary, line by line."""
    plan = mixed.plan
    lines = ["output  made of"]
    for j in range(len(names)):
        share = plan.shares[j]
        order = [i for i in np.argsort(-share, kind="stable") if share[i] > 0]
        lines.append(f"{j + 1:6}  " + ", ".join(f"{names[i]} {share[i]:.0%}" for i in order))
    return [
        *lines,
        "",
        f"energy               {plan.energies[0]:.4f}",
        f"sources per output   {plan.n_sources.mean():.2f}",
        f"time, first mix      {times[0] * 1e3:.1f} ms (loads or compiles the kernels)",
        f"time, second mix     {times[1] * 1e3:.1f} ms",
    ]
