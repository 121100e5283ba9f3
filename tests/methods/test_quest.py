import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raykd.methods.common.codebook import pooled_map
from raykd.methods.quest import Quest, assign_words, predict_words, quest_loss
from raykd.ops.kmeans import kmeans
from raykd.space.ranges import space
from references import quest as reference
from tiny import TinyRoute, assert_same_value_and_gradient, batch, clock, context, network, random, shapes

WORDS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]], dtype=torch.float64)
TEACHER = torch.tensor([[0.9, 0.1], [0.0, 1.5]], dtype=torch.float64)[:, :, None, None]
WEIGHT = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
STUDENT = torch.tensor([[2.0, 0.0], [1.0, 1.0]], dtype=torch.float64)[:, :, None, None]
SPEC = Quest(words=5, iterations=8)
NETS = network(0), network(0, widths=(5, 8))  # the student's last map is 6 x 2 x 2, the teacher's 8 x 2 x 2


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


# k-means


def test_kmeans_never_raises_its_objective():
    vectors = random(200, 3).float().numpy()
    objectives = [kmeans(vectors, 6, iterations, 0).distances.sum() for iterations in range(1, 10)]
    assert all(later <= earlier * (1 + 1e-5) for earlier, later in itertools.pairwise(objectives))


def test_kmeans_gives_each_vector_its_nearest_word_and_repeats_itself():
    vectors = random(200, 3).float().numpy()
    first, second = (kmeans(vectors, 6, 10, 0) for _ in range(2))
    distances = ((vectors[:, None] - first.words) ** 2).sum(2)
    assert np.array_equal(distances.argmin(1), first.nearest)
    np.testing.assert_allclose(distances.min(1), first.distances, atol=1e-5)
    assert np.array_equal(first.words, second.words)


def test_kmeans_takes_as_many_words_as_vectors():
    vectors = random(6, 3).float().numpy()
    assert kmeans(vectors, 6, 5, 0).distances.max() < 1e-6


# codebooks


def build(folder, spec=SPEC, route=None, nets=NETS, seed=0) -> Any:
    torch.manual_seed(seed)
    return spec.build(shapes(*nets), context(folder, route))


def test_a_codebook_is_made_once_and_one_feature_pass_serves_every_number_of_words(tmp_path):
    route = TinyRoute()
    first = build(tmp_path, SPEC, route)
    first.follow(3)
    second = build(tmp_path, SPEC, route)
    second.follow(3)
    other = build(tmp_path, dataclasses.replace(SPEC, words=7), route)
    other.follow(3)
    assert route.asked == [3]
    assert torch.equal(first.words, second.words)
    assert other.words.shape == (7, 8)


def test_a_codebook_is_the_same_in_every_store(tmp_path):
    terms = [build(tmp_path / name) for name in ("one", "two")]
    for term in terms:
        term.follow(2)
    assert torch.equal(terms[0].words, terms[1].words)


def test_words_are_centroids_of_unaugmented_features(tmp_path):
    term = build(tmp_path, dataclasses.replace(SPEC, words=1))
    term.follow(2)
    source = context(tmp_path)
    images = next(source.dataset.plain(source.dataset.train)).images
    features = TinyRoute().network(2)(images).features[-1]
    torch.testing.assert_close(term.words[0], features.mean((0, 2, 3)))


def test_the_sample_is_drawn_from_all_places_without_replacement(tmp_path):
    term = build(tmp_path, dataclasses.replace(SPEC, max_vectors=10))
    term.follow(2)
    (sample,) = tmp_path.glob("features/*/vectors.npy")
    vectors = np.load(sample)
    assert vectors.shape == (10, 8)
    assert len(np.unique(vectors, axis=0)) == 10


def test_a_larger_teacher_map_is_pooled_before_words_are_found(tmp_path):
    nets, route = (network(0), network(0, strides=(1, 2))), TinyRoute({"strides": (1, 2)})
    term = build(tmp_path, SPEC, route, nets)  # the teacher's last map is 4 x 4, the student's 2 x 2
    term.follow(1)
    images = batch().images
    loss = term(nets[0](images), nets[1](images), batch(), clock())
    pooled = F.avg_pool2d(nets[1](images).features[-1], 2)
    scores = predict_words(nets[0](images).features[-1], term.predictor, term.scale)
    torch.testing.assert_close(loss, quest_loss(scores, assign_words(pooled, term.words, 0.2)))
    (sample,) = tmp_path.glob("features/*/vectors.npy")
    assert len(np.load(sample)) == 24 * 2 * 2


def test_a_flat_stage_is_a_map_of_one_place(tmp_path):
    nets = network(0, embedding=5), network(0, embedding=7)
    term = build(tmp_path, SPEC, TinyRoute({"embedding": 7}), nets)
    term.follow(1)
    images = batch().images
    assert term(nets[0](images), nets[1](images), batch(), clock()).isfinite()
    assert pooled_map(torch.ones(2, 5), (1, 1)).shape == (2, 5, 1, 1)


def test_a_scaled_temperature_counts_mean_nearest_squared_distances(tmp_path):
    plain, scaled = (build(tmp_path, dataclasses.replace(SPEC, scaled=scaled)) for scaled in (False, True))
    plain.follow(3)
    scaled.follow(3)
    source = context(tmp_path)
    images = next(source.dataset.plain(source.dataset.train)).images
    vectors = TinyRoute().network(3)(images).features[-1].permute(0, 2, 3, 1).flatten(0, 2)
    nearest = torch.cdist(vectors, scaled.words).min(1).values.square().mean().item()
    own, other = NETS[0](images), NETS[1](images)
    expected = assign_words(other.features[-1], scaled.words, 0.2 * nearest)
    scores = predict_words(own.features[-1], scaled.predictor, scaled.scale)
    torch.testing.assert_close(scaled(own, other, batch(), clock()), quest_loss(scores, expected))
    assert not torch.allclose(plain(own, other, batch(), clock()), scaled(own, other, batch(), clock()))


def test_a_scaled_temperature_refuses_words_that_are_the_vectors(tmp_path):
    term = build(tmp_path, Quest(words=4, max_vectors=4, scaled=True))
    with pytest.raises(ValueError, match="scaled: 4 words are all 4 vectors; take fewer"):
        term.follow(1)


# the term


def test_gradient_reaches_predictor_scale_and_backbone_alone(tmp_path):
    student, teacher = network(0), network(0, widths=(5, 8)).requires_grad_(False)
    term = build(tmp_path)
    term.follow(3)
    words = term.words.clone()
    images = batch().images
    term(student(images), teacher(images), batch(), clock()).backward()
    assert {name for name, _ in term.named_parameters()} == {"predictor", "scale"}
    for parameter in (term.predictor, term.scale, *student.network["stem"].parameters()):
        assert parameter.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in student.network["head"].parameters())
    assert torch.equal(term.words, words)


def test_the_state_holds_the_predictor_but_not_the_words(tmp_path):
    assert set(build(tmp_path).state_dict()) == {"predictor", "scale", "rows_of"}


def test_the_predictor_begins_normal_with_variance_two_over_channels(tmp_path):
    term = build(tmp_path, Quest(words=4096, scale=10.0))
    assert term.predictor.shape == (4096, 6)
    assert term.predictor.std().item() == pytest.approx(math.sqrt(2 / 6), rel=0.02)
    assert term.scale.item() == 10.0


def test_the_next_anchor_hands_each_row_to_the_nearest_new_word(tmp_path):
    term = build(tmp_path)
    term.follow(1)
    rows, words = term.predictor.detach().clone(), term.words.clone()
    parameter, buffer = term.predictor, term.words
    term.follow(2)
    nearest = torch.cdist(term.words, words).argmin(1)
    assert not torch.equal(term.words, words)
    assert torch.equal(term.predictor, rows[nearest])
    assert term.predictor is parameter  # the optimiser holds it
    assert term.words is buffer


def test_the_first_anchor_and_a_repeated_one_change_no_row(tmp_path):
    term = build(tmp_path)
    rows = term.predictor.detach().clone()
    term.follow(2)
    term.follow(2)
    assert torch.equal(term.predictor, rows)


def test_the_next_anchor_may_start_a_fresh_predictor_which_repeats_itself(tmp_path):
    spec = dataclasses.replace(SPEC, on_anchor="reset")
    terms = [build(tmp_path, spec), build(tmp_path, spec)]
    for term, draws in zip(terms, (0, 5), strict=True):
        rows = term.predictor.detach().clone()
        term.follow(1)
        with torch.no_grad():
            term.scale.fill_(8.0)
        torch.randn(draws)  # what others draw must not matter
        term.follow(2)
        assert not torch.isin(term.predictor, rows).any()
        assert term.scale.item() == 3.0
    assert torch.equal(terms[0].predictor, terms[1].predictor)
    terms[0].follow(3)
    assert not torch.equal(terms[0].predictor, terms[1].predictor)


@pytest.mark.parametrize("on_anchor", ["match", "reset"])
@pytest.mark.parametrize("resumed_at", [1, 2, 3])
def test_a_resumed_term_is_the_undisturbed_one(tmp_path, on_anchor, resumed_at):
    spec = dataclasses.replace(SPEC, on_anchor=on_anchor)

    def train(term):  # stands for an epoch
        with torch.no_grad():
            term.predictor += 0.1 * term.words.sum()
            term.scale *= 1.1

    undisturbed, state = build(tmp_path, spec), {}
    for checkpoint in (1, 2, 3):
        undisturbed.follow(checkpoint)
        train(undisturbed)
        if checkpoint == resumed_at:
            state = {name: value.clone() for name, value in undisturbed.state_dict().items()}
    resumed = build(tmp_path, spec)
    resumed.follow(resumed_at)
    resumed.load_state_dict(state)
    for checkpoint in range(resumed_at + 1, 4):
        resumed.follow(checkpoint)
        train(resumed)
    assert torch.equal(resumed.words, undisturbed.words)
    assert torch.equal(resumed.predictor, undisturbed.predictor)
    assert torch.equal(resumed.scale, undisturbed.scale)


@pytest.mark.parametrize("on_anchor", ["match", "reset"])
def test_a_state_of_another_checkpoint_is_handed_over_whichever_comes_first(tmp_path, on_anchor):
    spec = dataclasses.replace(SPEC, on_anchor=on_anchor)
    undisturbed = build(tmp_path, spec)
    undisturbed.follow(1)
    state = {name: value.clone() for name, value in undisturbed.state_dict().items()}
    undisturbed.follow(2)
    early, late = build(tmp_path, spec), build(tmp_path, spec)
    early.follow(2)
    early.load_state_dict(state)
    late.load_state_dict(state)
    late.follow(2)
    for term in (early, late):
        assert torch.equal(term.predictor, undisturbed.predictor)
        assert torch.equal(term.words, undisturbed.words)


# the spec


def test_searches_what_the_reader_expects():
    assert set(space(Quest())) == {"weight", "words", "temperature", "scale"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weight": -1.0}, "weight must be at least 0, got -1.0"),
        ({"temperature": 0.0}, "temperature must be above 0, got 0.0"),
        ({"scale": -3.0}, "scale must be above 0, got -3.0"),
        ({"words": 0}, "words must be at least 1, got 0"),
    ],
)
def test_refuses(values, message):
    with pytest.raises(ValueError, match=message):
        Quest(**values)


@pytest.mark.parametrize(
    ("spec", "student", "teacher", "message"),
    [
        (Quest(words=5), network(strides=(1, 2)), network(), r"got student \(6, 4, 4\) and teacher \(6, 2, 2\)"),
        (Quest(words=5, stage=2), network(), network(), "stage 2 is not among the 2 stages of the student"),
        (Quest(words=97), network(), network(), "got 97 words and 96 vectors"),
        (Quest(words=30, max_vectors=20), network(), network(), "got 30 words and 20 vectors"),
    ],
)
def test_check_refuses(spec, student, teacher, message):
    with pytest.raises(ValueError, match=message):
        spec.check(shapes(student, teacher))


def test_check_accepts_as_many_words_as_vectors_and_larger_teacher_maps():
    Quest(words=96).check(shapes(network(), network(strides=(1, 2))))
    Quest(words=24).check(shapes(network(embedding=4), network(embedding=9)))
