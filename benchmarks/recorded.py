"""The recorded instances in the folder that SUBOPT_DATA names, for benchmarks and tests."""

import gzip
import json
import os
import pathlib
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from subopt import (
    Cardinality,
    Concave,
    ConcaveOfModular,
    CoupledLabelingProblem,
    Coverage,
    Cut,
    DifferenceOfSubmodular,
    Entropy,
    GaussianMutualInformation,
    Modular,
    SetFunction,
)

SFM = [
    "rgg500",
    "rgg1000",
    "grid529",
    "grid1024",
    "iwata100",
    "iwata500",
    "conc500",
    "conc1000",
    "grp500",
    "gp100",
    "gp200",
]


def data_folder() -> pathlib.Path:
    """Return the folder, or end the program with a word on what is missing."""
    folder = os.environ.get("SUBOPT_DATA")
    if not folder:
        raise SystemExit("SUBOPT_DATA is not set: it names the folder with the recorded instances")
    return pathlib.Path(folder)


def submodular(data: pathlib.Path, name: str) -> tuple[SetFunction, float]:
    """Return a submodular function of `SFM`, and its minimum as three other programs found it."""
    minimum = json.loads((data / "sfm" / "minima.json").read_text("utf-8"))[name]["minimum"]
    z = np.load(data / "sfm" / f"{name}.npz")
    u, n, kind = Modular(z["u"]), int(z["n"]), str(z["type"])
    match kind:
        case "cut":
            F = Cut.from_edges(np.stack([z["ei"], z["ej"]], axis=1), z["w"], n=n) + u
        case "conc":
            F = Cardinality(np.sqrt, n) + u
        case "grp":
            groups = sp.coo_array((z["w"], (z["gi"], z["ii"])), shape=(int(z["K"]), n))
            F = ConcaveOfModular(groups) + u
        case "gp":
            F = GaussianMutualInformation(z["Kx"]) + u
        case "iwata":
            F = Cardinality(lambda k: k * (n - k), n) + u
        case _:
            raise ValueError(f"{name} has the unknown type {kind}")
    return F, minimum


def speech(data: pathlib.Path, rng: np.random.Generator | None = None) -> DifferenceOfSubmodular:
    """Few words, much speech: sqrt(words covered) - sum over blocks of sqrt(seconds).

    With `rng`, sentences are assigned to blocks, and seconds to sentences, by random permutations.
    """
    instance = np.load(data / "dsm" / "speech_instance.npz")
    with gzip.open(data / "dsm" / "uniform-sent.800.gz", "rt", encoding="ascii") as lines:
        arcs = np.array([line.split()[1:3] for line in lines if line.startswith("a")], dtype=int)
    # node 1 is the source, 2 the sink; then come 800 sentences, then words
    sentence, word = arcs[(arcs[:, 0] > 2) & (arcs[:, 1] > 802)].T
    shape = (800, word.max() - 802)
    words = sp.coo_array((np.ones(len(word)), (sentence - 3, word - 803)), shape).tocsr()
    n = np.arange(800)
    rows, seconds = instance["row_order"], instance["block_weights"]
    if rng is not None:
        rows, seconds = rng.permutation(rows), rng.permutation(seconds)
    blocks = sp.coo_array((seconds, (n // 80, n)), shape=(10, 800))
    return Concave(Coverage(words[rows])) - ConcaveOfModular(blocks)


def mushroom(data: pathlib.Path, split: int = 1) -> DifferenceOfSubmodular:
    """Few features, much information: -I(features; class) + 1e-4 per feature, in bits."""
    rows = np.loadtxt(data / "dsm" / f"mushroom_train_{split}.csv.gz", delimiter=",", dtype=int)
    edible, features = rows[:, 0], rows[:, 1:]
    price = Modular(np.full(features.shape[1], 1e-4))
    return Entropy(features, edible) + price - Entropy(features)


class CoupledCase(NamedTuple):
    """A recorded Co-Mixup problem, and what is known of it."""

    number: int
    inputs: int
    side: int  # of the grid
    omega: float  # the part of A that is not the identity
    problem: CoupledLabelingProblem
    saliency: np.ndarray  # (m, side, side)
    shares: np.ndarray  # (m', side, side, m), of the published solver
    seconds: float  # of the published solver
    known: dict[str, float]  # energies: published, identity, best_known


def coupled(data: pathlib.Path) -> list[CoupledCase]:
    """Return the recorded Co-Mixup problems, in the order of their numbers."""
    folder = data / "comixup"
    known = json.loads((folder / "best_known.json").read_text("utf-8"))
    with np.load(folder / "published_solver_cases.npz") as file:
        cases = dict(file)
    found = []
    for number, inputs, side, omega, tau, hard, seconds in cases["table"]:
        key = f"{int(number):03d}"
        shares = cases[f"{key}_halves"] / 2
        problem = CoupledLabelingProblem(
            cases[f"{key}_unary"],
            n_outputs=len(shares),
            compatibility=cases[f"{key}_compat"],
            threshold=tau,
            threshold_kind="hard" if hard else "soft",
        )
        found.append(
            CoupledCase(
                int(number),
                int(inputs),
                int(side),
                float(omega),
                problem,
                cases[f"{key}_saliency"],
                shares,
                float(seconds),
                known[str(int(number))],
            )
        )
    return found
