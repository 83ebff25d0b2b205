"""Corpus selection: much speech with a small vocabulary, to train a recognizer cheaply.

Minimizes  sqrt(words in S) - sum over speakers of sqrt(quality of S from the speaker):  the first
counts a word once however often it is said, the second prefers a mix. With SUBOPT_DATA set, these
are the 800 sentences of El Halabi, Orfanides and Hoheisel (ICML 2023); else random ones.
"""

import gzip
import os
import pathlib

import numpy as np
import scipy.sparse as sp

from subopt import Concave, ConcaveOfModular, Coverage, minimize, subsup


def load() -> tuple[sp.csr_array, np.ndarray, np.ndarray]:
    """Return words (sentences, vocabulary), and the quality and the speaker of each sentence."""
    if data := os.environ.get("SUBOPT_DATA"):
        folder = pathlib.Path(data) / "dsm"
        instance = np.load(folder / "speech_instance.npz")
        with gzip.open(folder / "uniform-sent.800.gz", "rt", encoding="utf-8") as lines:
            arcs = np.array([line.split()[1:3] for line in lines if line[0] == "a"], dtype=int)
        sentence, word = arcs[(arcs[:, 0] > 2) & (arcs[:, 1] > 802)].T
        words = sp.coo_array((np.ones(len(word)), (sentence - 3, word - 803))).tocsr()
        return words[instance["row_order"]], instance["block_weights"], np.arange(800) // 80
    rng = np.random.default_rng(0)
    words = sp.random_array((80, 200), density=0.04, rng=rng, format="csr")
    return words, rng.exponential(size=80), np.arange(80) // 8


def main() -> None:
    words, quality, speaker = load()
    n = len(quality)
    by_speaker = sp.coo_array((quality, (speaker, np.arange(n))))
    h = Concave(Coverage(words), "sqrt") - ConcaveOfModular(by_speaker, "sqrt")

    first = subsup(h)
    print(f"subsup:   {len(first.S)} of {n} sentences, value {first.value:.10f}")
    best = minimize(h, rng=0)
    print(f"minimize: {len(best.S)} of {n} sentences, value {best.value:.10f}")
    print(f"          found by {best.method}")
    share = quality[best.mask].sum() / quality.sum()
    print(f"          {Coverage(words)(best.S):.0f} words, {share:.0%} of all quality")
    best.certificate.check(h, best.mask)
    assert best.value <= first.value


if __name__ == "__main__":
    main()
