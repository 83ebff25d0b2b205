"""A summary of photographs: twelve pictures that represent an album of several hundred.

The album is made of parts of photographs that scikit-image and scikit-learn bundle. Pictures are
similar if their colors and edges are, and the summary maximizes the similarity of every picture to
the most similar one that was chosen, with at most two of each photograph (Groups).

    python docs/examples/photo_summary.py [PICTURE.png]
"""

import sys

import numpy as np
from skimage import color, data, transform
from sklearn.datasets import load_sample_images

from subopt import FacilityLocation, Groups, maximize

SIDE = 48  # pixels of a picture of the album


def album() -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (n, SIDE, SIDE, 3), and which photograph each is a part of."""
    photographs = [getattr(data, name)() for name in ("astronaut", "coffee", "chelsea", "rocket")]
    photographs += load_sample_images().images
    rng = np.random.default_rng(0)
    pictures, source = [], []
    for number, photograph in enumerate(photographs):
        height, width = photograph.shape[:2]
        for _ in range(60):
            side = int(rng.uniform(0.25, 0.6) * min(height, width))
            top, left = rng.integers(0, height - side), rng.integers(0, width - side)
            part = photograph[top : top + side, left : left + side]
            pictures.append(transform.resize(part, (SIDE, SIDE), anti_aliasing=True))
            source.append(number)
    return np.array(pictures), np.array(source)


def features(pictures: np.ndarray) -> np.ndarray:
    """Return for each picture the colors of 3 x 3 blocks, and how strong edges are there."""
    lab = color.rgb2lab(pictures)
    edges = np.hypot(*np.gradient(lab[..., 0], axis=(1, 2)))[..., None]
    channels = np.concatenate([lab, 4 * edges], axis=-1)
    blocks = channels.reshape(len(pictures), 3, SIDE // 3, 3, SIDE // 3, 4)
    return blocks.mean(axis=(2, 4)).reshape(len(pictures), -1)


def main() -> None:
    pictures, source = album()
    X = features(pictures)
    distance = np.linalg.norm(X[:, None] - X, axis=2)
    similarity = np.exp(-((distance / np.median(distance)) ** 2))
    F = FacilityLocation(similarity)
    result = maximize(F, size=12, constraints=Groups(source, 2))
    assert result.check(F) <= result.gap * (1 + 1e-6)
    nearest = similarity[:, result.S].argmax(axis=1)
    stands_for = np.bincount(nearest, minlength=len(result.S))
    print(f"{len(result.S)} of {len(pictures)} pictures, found by {result.method}")
    print(f"value {result.value:.2f}, at least {result.ratio:.1%} of the best summary")
    if len(sys.argv) > 1:
        title = f"12 of {len(pictures)}: at least {result.ratio:.0%} of the best summary"
        draw(sys.argv[1], pictures[result.S], stands_for, title)


def draw(path: str, chosen: np.ndarray, stands_for: np.ndarray, title: str) -> None:
    """Draw the chosen pictures, and how many each stands for."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, 6, figsize=(7.5, 3.2), layout="constrained")
    order = np.argsort(-stands_for, kind="stable")
    for axes, k in zip(grid.flat, order, strict=True):
        axes.imshow(chosen[k])
        axes.set_title(f"for {stands_for[k]} pictures", fontsize=9)
        axes.set_axis_off()
    figure.suptitle(title)
    figure.savefig(path, dpi=100)
    plt.close(figure)


if __name__ == "__main__":
    main()
