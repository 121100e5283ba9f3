import pytest
import torch
from torch.nn import functional as F

from raykd.ops.words import assign_words, predict_words, quest_loss
from references import quest as reference
from tiny import assert_same_value_and_gradient, random

WORDS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
TEACHER = torch.tensor([[0.9, 0.1], [0.0, 1.5]], dtype=torch.float64)[:, :, None, None]
WEIGHT = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
STUDENT = torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.float64)[:, :, None, None]


def test_golden_assignment():
    found = assign_words(TEACHER, WORDS, 0.2).flatten(0, 2)
    expected = [[1.798621e-2, 9.820138e-1, 2.739e-10], [4.539785e-5, 3.058883e-7, 9.999543e-1]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-4, atol=1e-13)


def test_golden_prediction():
    found = predict_words(STUDENT, WEIGHT, 3.0).flatten(0, 2).softmax(1)
    expected = [[0.682539, 0.033982, 0.283480], [0.226875, 0.226875, 0.546251]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-6)


def test_golden_loss():
    scores, assignment = predict_words(STUDENT, WEIGHT, 3.0), assign_words(TEACHER, WORDS, 0.2)
    assert quest_loss(scores, assignment).item() == pytest.approx(1.921048, abs=1e-6)
    cross_entropy = F.cross_entropy(scores.flatten(0, 2), assignment.flatten(0, 2))
    assert cross_entropy.item() == pytest.approx(1.966347, abs=1e-6)


def test_assignment_agrees_with_the_paper():
    assert_same_value_and_gradient(
        lambda features, words: assign_words(features, words, 2.0),
        lambda features, words: reference.assign_words(features, words, 2.0),
        [random(2, 4, 3, 2, grad=True), random(5, 4, seed=1, grad=True)],
    )


def test_prediction_agrees_with_the_paper():
    inputs = [random(2, 4, 3, 2, grad=True), random(5, 4, seed=1, grad=True), random(seed=2, grad=True)]
    assert_same_value_and_gradient(predict_words, reference.predict_words, inputs)


def test_loss_agrees_with_the_paper():
    assignment = random(2, 3, 2, 5, seed=1).softmax(3)
    assert_same_value_and_gradient(
        lambda scores: quest_loss(scores, assignment),
        lambda scores: reference.quest_loss(scores, assignment),
        [random(2, 3, 2, 5, grad=True)],
    )


@pytest.mark.parametrize("temperature", [0.01, 0.2, 5.0])
def test_each_place_belongs_most_to_its_nearest_word(temperature):
    features, words = random(2, 4, 3, 3), random(7, 4, seed=1)
    assignment = assign_words(features, words, temperature)
    nearest = torch.cdist(features.permute(0, 2, 3, 1).flatten(0, 2), words).argmin(1)
    torch.testing.assert_close(assignment.sum(3), torch.ones(2, 3, 3, dtype=torch.float64))
    assert torch.equal(assignment.argmax(3).flatten(), nearest)


def test_assignment_is_hard_at_low_and_uniform_at_high_temperature():
    features, words = random(2, 4, 3, 3), random(7, 4, seed=1)
    hard = F.one_hot(assign_words(features, words, 1.0).argmax(3), 7).double()
    torch.testing.assert_close(assign_words(features, words, 1e-5), hard)
    torch.testing.assert_close(assign_words(features, words, 1e9), torch.full_like(hard, 1 / 7))


def test_loss_is_zero_only_where_prediction_and_assignment_agree():
    scores = random(2, 3, 2, 5)
    assert quest_loss(scores, scores.softmax(3)).item() == pytest.approx(0.0, abs=1e-12)
    assert quest_loss(scores, random(2, 3, 2, 5, seed=1).softmax(3)).item() > 0.1


def test_loss_of_a_hard_assignment_is_the_negative_log_probability_of_the_word():
    scores, words = random(2, 3, 2, 5), torch.arange(12).reshape(2, 3, 2) % 5
    expected = F.cross_entropy(scores.flatten(0, 2), words.flatten())
    torch.testing.assert_close(quest_loss(scores, F.one_hot(words, 5).double()), expected)


def test_scores_ignore_lengths_and_stay_within_the_scale():
    features, weight = random(2, 4, 3, 2), random(5, 4, seed=1)
    scores = predict_words(features, weight, 3.0)
    lengths = torch.rand(2, 1, 3, 2) + 0.1, torch.rand(5, 1) + 0.1
    torch.testing.assert_close(predict_words(features * lengths[0], weight * lengths[1], 3.0), scores)
    assert scores.abs().max() <= 3.0


def test_loss_ignores_the_order_of_words_and_repeated_images():
    features, teacher, words, weight = random(2, 4, 3, 2), random(2, 3, 3, 2), random(5, 3), random(5, 4, seed=1)

    def loss(order=(0, 1, 2, 3, 4), repeat=1):
        own, other = (maps.repeat(repeat, 1, 1, 1) for maps in (features, teacher))
        return quest_loss(predict_words(own, weight[list(order)], 3.0), assign_words(other, words[list(order)], 1.0))

    torch.testing.assert_close(loss(order=(3, 1, 4, 0, 2)), loss())
    torch.testing.assert_close(loss(repeat=3), loss())


def test_distances_of_far_features_are_exact_in_single_precision_whatever_autocast_says():
    features, words = 1000 + random(2, 4, 3, 2), 1000 + random(5, 4, seed=1)
    with torch.autocast("cpu", torch.bfloat16):
        found = assign_words(features.float(), words.float(), 1.0)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), assign_words(features, words, 1.0), rtol=1e-2, atol=1e-3)


def test_a_dead_place_has_score_zero_and_no_gradient():
    features = random(1, 4, 1, 2).float()
    features[0, :, 0, 1] = 0.0
    features.requires_grad_()
    scores = predict_words(features, random(5, 4).float(), 3.0)
    quest_loss(scores, torch.full((1, 1, 2, 5), 0.2)).backward()
    assert torch.equal(scores[0, 0, 1], torch.zeros(5))
    assert torch.equal(features.grad[0, :, 0, 1], torch.zeros(4))
    assert features.grad[0, :, 0, 0].isfinite().all()
