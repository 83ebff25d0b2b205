"""Feature selection: few features that say all there is about the class.

Minimizes  -I(D_S; C) + price |S|  = [H(D_S | C) + price |S|] - H(D_S),  in bits: two entropies of
data, so f and g are submodular. With SUBOPT_DATA set, the data are mushrooms (edible or not, 125
binary features); else random tables in which four features decide the class.
"""

import os
import pathlib

import numpy as np

from subopt import Entropy, Modular, forward_greedy, minimize


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return features (rows, n) and the class (rows,)."""
    if data := os.environ.get("SUBOPT_DATA"):
        path = pathlib.Path(data) / "dsm" / "mushroom_train_1.csv.gz"
        table = np.loadtxt(path, delimiter=",", dtype=int)
        return table[:, 1:], table[:, 0]
    rng = np.random.default_rng(0)
    hidden = rng.integers(0, 2, (300, 4))
    noisy = hidden[:, rng.integers(0, 4, 16)] ^ (rng.random((300, 16)) < 0.1)
    features = np.concatenate([hidden, noisy], axis=1)[:, rng.permutation(20)]
    return features, (hidden.sum(axis=1) % 2) * 2 + hidden[:, 0]


def main() -> None:
    features, labels = load()
    n = features.shape[1]
    h = Entropy(features, labels) + Modular(np.full(n, 1e-4)) - Entropy(features)

    greedy = forward_greedy(h)
    print(f"forward greedy: {len(greedy.S)} features, value {greedy.value:.6f}")
    best = minimize(h, rng=1)
    print(f"minimize:       {len(best.S)} features, value {best.value:.6f}")
    print(f"                {best.S.tolist()}, found by {best.method}")

    information = Entropy(labels[:, None])([0]) - Entropy(labels[:, None], features[:, best.S])([0])
    print(f"they tell {information:.4f} of {Entropy(labels[:, None])([0]):.4f} bits of the class")
    best.certificate.check(h, best.mask)  # no feature more, less or exchanged is better
    assert best.value <= greedy.value


if __name__ == "__main__":
    main()
