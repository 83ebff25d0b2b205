"""Sensor placement with sensors already there: where do eight more help most?

Maximizes the people that are close to a sensor, a facility location function of 3000 places. Five
sensors are there already (include), and none may be built on the lake (exclude).

    python docs/examples/sensors_already_there.py [PICTURE.png]
"""

import sys

import numpy as np
from scipy.spatial import KDTree

from subopt import FacilityLocation, maximize

REACH = 6.0  # distance at which a sensor is worth 1/e


def town() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return places (n, 2), people at each place, and whether it is on the lake."""
    rng = np.random.default_rng(1)
    places = np.stack(np.meshgrid(np.arange(75), np.arange(40)), axis=-1).reshape(-1, 2)
    people = np.full(len(places), 0.05)
    centers, sizes, widths = rng.uniform((5, 5), (70, 35), (9, 2)), rng.random(9), rng.random(9)
    for center, size, width in zip(centers, 0.8 + sizes, 3 + 2 * widths, strict=True):
        people += size * np.exp(-((places - center) ** 2).sum(axis=1) / (2 * width**2))
    lake = ((places - (30, 21)) ** 2 / (90, 40)).sum(axis=1) < 1
    return places, np.where(lake, 0.0, people), lake


def main() -> None:
    places, people, lake = town()
    pairs = KDTree(places).sparse_distance_matrix(
        KDTree(places), 3 * REACH, output_type="coo_matrix"
    )
    pairs.data = people[pairs.row] * np.exp(-((pairs.data / REACH) ** 2))
    F = FacilityLocation(pairs)  # people x places, without the pairs that are far apart

    there = [75 * y + x for x, y in ((8, 8), (20, 30), (40, 10), (44, 12), (68, 33))]
    result = maximize(F, size=len(there) + 8, include=there, exclude=lake)
    assert result.check(F) <= result.gap * (1 + 1e-6)
    share = result.value / people.sum()
    print(f"{F(there) / people.sum():.1%} of the people were served, {share:.1%} are now")
    print(f"value {result.value:.2f}, found by {result.method}")
    if len(sys.argv) > 1:
        new = np.setdiff1d(result.S, there)
        title = f"8 more sensors: at least {result.ratio:.1%} of what is possible"
        draw(sys.argv[1], people, lake, places[there], places[new], title)


def draw(
    path: str,
    people: np.ndarray,
    lake: np.ndarray,
    there: np.ndarray,
    new: np.ndarray,
    title: str,
) -> None:
    """Draw the people, the lake, and the sensors."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.5, 4.3), layout="constrained")
    axes.imshow(people.reshape(40, 75), cmap="Greens", origin="lower")
    axes.contourf(lake.reshape(40, 75), levels=[0.5, 1], colors="#7fb3d5")
    axes.scatter(*there.T, marker="s", s=60, c="white", edgecolors="black", label="already there")
    axes.scatter(*new.T, marker="o", s=60, c="#c0392b", edgecolors="black", label="new")
    axes.set_title(title)
    axes.legend(loc="lower right")
    axes.set_xticks([])
    axes.set_yticks([])
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
