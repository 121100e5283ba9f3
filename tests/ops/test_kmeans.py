import itertools
import sys

import numpy as np
import pytest
import torch

from raykd.ops import kmeans as module
from raykd.ops.kmeans import by_faiss, faiss_has_gpu, kmeans
from references.kmeans import lloyd
from tiny import random

VECTORS = random(200, 3).float().numpy()


def start(num_words, vectors=VECTORS, seed=0) -> np.ndarray:
    """The words that k-means begins from: one iteration of as many words as vectors gives back the vectors drawn."""
    return kmeans(vectors, len(vectors), 1, seed).words[:num_words]


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("num_words", [1, 6, 40])
def test_agrees_with_the_algorithm_as_it_is_written(num_words, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 64)
    monkeypatch.setattr(module, "_SCORES", 500)
    found = kmeans(VECTORS, num_words, 3, 0)
    words, nearest = lloyd(VECTORS, start(num_words), 3)
    np.testing.assert_allclose(found.words, words, atol=1e-5)
    assert np.array_equal(found.nearest, nearest)
    np.testing.assert_allclose(found.distances, ((VECTORS - words[nearest]) ** 2).sum(1), atol=1e-5)


def test_agrees_with_faiss():
    ours, theirs = kmeans(VECTORS, 6, 60, 0), by_faiss(VECTORS, start(6), 60, gpu=False)
    np.testing.assert_allclose(ours.words, theirs.words, atol=1e-5)
    assert np.array_equal(ours.nearest, theirs.nearest)
    np.testing.assert_allclose(ours.distances, theirs.distances, atol=1e-5)


def test_without_faiss_a_gpu_makes_no_difference(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)  # as where it is not installed
    assert not faiss_has_gpu()
    assert all(map(np.array_equal, kmeans(VECTORS, 6, 5, 0, gpu=True), kmeans(VECTORS, 6, 5, 0)))


def test_begins_from_vectors_that_the_seed_draws():
    assert np.array_equal(np.unique(start(200), axis=0), np.unique(VECTORS, axis=0))
    assert not np.array_equal(start(6), start(6, seed=1))


def test_never_raises_its_objective():
    objectives = [kmeans(VECTORS, 6, iterations, 0).distances.sum() for iterations in range(1, 10)]
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in itertools.pairwise(objectives))


def test_ends_where_each_vector_has_its_nearest_word():
    found = kmeans(VECTORS, 6, 10**6, 0)
    distances = ((VECTORS[:, None] - found.words) ** 2).sum(2)
    assert np.array_equal(distances.argmin(1), found.nearest)


def test_the_number_of_threads_changes_no_bit(monkeypatch, threads):
    monkeypatch.setattr(module, "_BLOCK", 16)
    found = []
    for number in (1, 2, 3, 3):
        threads(number)
        found.append(kmeans(VECTORS, 6, 5, 0))
        assert torch.get_num_threads() == number
    for other in found[1:]:
        assert all(np.array_equal(one, two) for one, two in zip(found[0], other, strict=True))


def test_vectors_far_from_zero_are_told_apart():
    near, far = kmeans(VECTORS, 6, 5, 0), kmeans(VECTORS + np.float32(1000), 6, 5, 0)
    np.testing.assert_allclose(far.words - 1000, near.words, atol=1e-3)


def test_takes_as_many_words_as_vectors():
    assert kmeans(random(6, 3).float().numpy(), 6, 5, 0).distances.max() < 1e-6


def test_a_word_without_vectors_becomes_the_furthest_vector():
    vectors = np.concatenate([np.zeros((94, 3), np.float32), 10 * random(6, 3).float().numpy()])
    assert len(np.unique(start(7, vectors), axis=0)) < 7  # several begin as the zero that most vectors are
    found = kmeans(vectors, 7, 10, 0)
    assert len(np.unique(found.nearest)) == 7
    assert found.distances.max() < 1e-6


def test_words_that_no_vector_needs_stay_without():
    vectors = np.repeat(random(3, 2).float().numpy(), 10, axis=0)
    found = kmeans(vectors, 8, 5, 0)
    assert len(np.unique(found.nearest)) == 3
    assert np.isfinite(found.words).all()
    assert found.distances.max() < 1e-6


def test_reads_a_file_block_by_block_and_leaves_it_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 64)
    np.save(tmp_path / "vectors.npy", VECTORS)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="c")
    assert all(map(np.array_equal, kmeans(mapped, 6, 5, 0), kmeans(VECTORS, 6, 5, 0)))
    assert np.array_equal(mapped, VECTORS)
