"""Sensor placement: learn much about a field, at a price that sensors on one line share.

Minimizes  cost(S) - I(field at S; field elsewhere)  for a Gaussian field: a mutual information,
which is submodular, and a cost with a part for every line that is opened, which is as well.
"""

import numpy as np

from subopt import Coverage, GaussianMutualInformation, Modular, branch_and_bound, minimize


def main() -> None:
    rng = np.random.default_rng(0)
    places = rng.random((24, 2))
    distance = np.linalg.norm(places[:, None] - places, axis=2)
    field = np.exp(-((distance / 0.25) ** 2)) + 0.1 * np.eye(len(places))
    line = (places[:, 0] * 6).astype(int)  # six cable lines, from west to east
    opened = Coverage(line[:, None] == np.arange(6), weights=np.full(6, 0.4))
    h = opened + Modular(np.full(len(places), 0.25)) - GaussianMutualInformation(field)

    result = minimize(h, rng=0)
    print(f"{len(result.S)} sensors on lines {sorted(set(line[result.S].tolist()))}")
    print(f"value {result.value:.6f}, found by {result.method}")
    print(f"information {GaussianMutualInformation(field)(result.S):.3f} nats")
    result.certificate.check(h, result.mask)
    # no place more, less or exchanged is better; on a part of the places, no set at all is
    few = h.restrict(range(10))
    found, exact = minimize(few, rng=0), branch_and_bound(few)
    print(f"on 10 places: {found.value:.6f}, and no less than {exact.lower_bound:.6f}")
    assert found.value <= exact.value + 1e-9


if __name__ == "__main__":
    main()
