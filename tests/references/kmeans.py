"""Lloyd's algorithm, one vector and one word at a time."""

import numpy as np


def lloyd(vectors, words, iterations):
    """Words that no vector is nearest to are not foreseen."""
    words = np.array(words, dtype=np.float64)
    nearest = np.zeros(len(vectors), dtype=np.int64)
    for _ in range(iterations):
        for index, vector in enumerate(vectors):
            nearest[index] = np.argmin([((vector - word) ** 2).sum() for word in words])
        for k in range(len(words)):
            words[k] = np.mean([vectors[i] for i in range(len(vectors)) if nearest[i] == k], axis=0)
    return words, nearest
