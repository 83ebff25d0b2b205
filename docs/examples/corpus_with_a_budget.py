"""A text of at most B words that says as much as possible: sentences under a word budget.

Minimizes  price * (words of S) - sum over words of sqrt(how often S says the word):  the square
root rewards new words more than repetition. The sentences describe the data sets that scikit-learn
bundles. A picture shows values and proven bounds for several budgets:

    python docs/examples/corpus_with_a_budget.py [PICTURE.png]
"""

import re
import sys

import numpy as np
import scipy.sparse as sp
from sklearn import datasets

from subopt import Budget, ConcaveOfModular, Modular, minimize

BUDGETS = (40, 80, 120, 160, 200)


def load() -> tuple[list[str], sp.csr_array]:
    """Return sentences, and how often each says each word (sentences, words)."""
    names = ("iris", "wine", "diabetes", "breast_cancer", "digits", "linnerud")
    texts = "\n\n".join(getattr(datasets, f"load_{name}")().DESCR for name in names)
    plain = re.sub(r"[=:|_*.-]{2,}", "\n\n", texts)
    parts = re.split(r"(?<=[.!?])\s+|\n\s*\n", plain)
    sentences = [" ".join(part.split()) for part in parts]
    sentences = [s for s in dict.fromkeys(sentences) if 8 <= len(s.split()) <= 50]
    sentences = [
        s for s in sentences if s[0].isupper() and sum(map(str.isalpha, s)) > 0.75 * len(s)
    ]
    words = [re.findall(r"[a-z]{4,}", s.lower()) for s in sentences]
    number = {word: k for k, word in enumerate(sorted({w for some in words for w in some}))}
    rows = np.repeat(np.arange(len(words)), [len(some) for some in words])
    columns = [number[w] for some in words for w in some]
    counts = sp.coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(words), len(number)))
    return sentences, counts.tocsr()


def draw(path: str, values: list[float], bounds: list[float], chosen: np.ndarray):
    """Draw values and bounds against budgets, and which sentences each budget buys."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    left.plot(BUDGETS, bounds, "v--", color="tab:red", label="no set within the budget is better")
    left.plot(BUDGETS, values, "o-", color="tab:blue", label="minimize(h, constraints=budget)")
    left.set(xlabel="words in the budget", ylabel="what the text says")
    left.legend()
    right.imshow(chosen, aspect="auto", cmap="Blues", interpolation="nearest")
    right.set_yticks(range(len(BUDGETS)), [str(b) for b in BUDGETS])
    right.set(xlabel="sentence", ylabel="words in the budget", title="chosen sentences")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    sentences, counts = load()
    length = np.array([len(s.split()) for s in sentences], dtype=float)
    says = ConcaveOfModular(counts.T, "sqrt")
    # a price per word of text, so that sentences that say little new stay out
    h = Modular(0.02 * length) - says
    values, bounds, chosen = [], [], []
    for words in BUDGETS:
        result = minimize(h, constraints=Budget(length, words), rng=0)
        assert length[result.mask].sum() <= words
        result.certificate.check(h, result.mask)
        values.append(-result.value)
        bounds.append(-result.lower_bound)
        chosen.append(result.mask)
        print(f"{words} words: {len(result.S)} of {len(sentences)} sentences, {values[-1]:.3f}")
    print(f"found by {result.method}:")
    print("\n".join(f"- {sentences[i]}" for i in result.S))
    if len(sys.argv) > 1:
        draw(sys.argv[1], values, bounds, np.array(chosen))


if __name__ == "__main__":
    main()
