"""The best k features, for k = 1, 2, ...: what they tell about the class, and the most they could.

Minimizes  -I(D_S; C) = H(D_S | C) - H(D_S)  over sets of k features, in bits: two entropies of
data, so f and g are submodular. The data are 569 tumors with 20 measurements, which scikit-learn
bundles; each measurement counts as low or high. With SUBOPT_DATA set, they are mushrooms with 125
features.
A picture compares minimize with forward selection and with the bound that is proven:

    python docs/examples/features_with_a_size.py [PICTURE.png]
"""

import math
import os
import pathlib
import sys

import numpy as np
from sklearn.datasets import load_breast_cancer

from subopt import Entropy, minimize

SIZES = range(1, 6)
WORST = [*range(10), *range(20, 30)]  # means and extremes; the others are standard errors


def load() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return features (rows, n) of small integers, the class (rows,), and names of features."""
    if data := os.environ.get("SUBOPT_DATA"):
        path = pathlib.Path(data) / "dsm" / "mushroom_train_1.csv.gz"
        table = np.loadtxt(path, delimiter=",", dtype=int)
        return table[:, 1:], table[:, 0], [f"feature {i}" for i in range(table.shape[1] - 1)]
    tumors = load_breast_cancer()
    data = tumors.data[:, WORST]
    high = (data > np.median(data, axis=0)).astype(int)
    return high, tumors.target, tumors.feature_names[WORST].tolist()


def forward(h, size: int) -> np.ndarray:
    """Return the set that forward selection finds: the feature that helps most, again and again."""
    mask = np.zeros(h.n, dtype=bool)
    for _ in range(size):
        gains = h.marginals(mask)
        gains[mask] = np.inf
        mask[gains.argmin()] = True
    return mask


def draw(path: str, total: float, greedy: list[float], found: list[float], most: list[float]):
    """Draw bits against sizes."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    axes.axhline(total, color="gray", linestyle=":", label="entropy of the class")
    axes.plot(SIZES, most, "v--", color="tab:red", label="no set of this size tells more")
    axes.plot(SIZES, found, "o-", color="tab:blue", label="minimize(h, size=k)")
    axes.plot(SIZES, greedy, "x-", color="tab:orange", label="forward selection")
    axes.set(xlabel="number of features", ylabel="information about the class, in bits")
    axes.set_xticks(list(SIZES))
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    features, labels, names = load()
    h = Entropy(features, labels) - Entropy(features)
    total = Entropy(labels[:, None])([0])
    greedy, found, most = [], [], []
    for size in SIZES:
        few = math.comb(h.n, size) < 50_000  # sets: then branch and bound is fast
        result = minimize(h, size=size, effort="best" if few else "default", rng=0)
        greedy.append(-h.value(forward(h, size)))
        found.append(-result.value)
        most.append(min(total, -result.lower_bound))
        result.certificate.check(h, result.mask)
        print(f"{size} features: {-result.value:.4f} bits, forward selection {greedy[-1]:.4f}")
        assert found[-1] >= greedy[-1] - 1e-9
    print(f"found by {result.method}: {', '.join(names[i] for i in result.S)}")
    if len(sys.argv) > 1:
        draw(sys.argv[1], total, greedy, found, most)


if __name__ == "__main__":
    main()
