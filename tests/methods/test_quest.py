import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from raykd.methods.common.codebook import pooled_map
from raykd.methods.quest import Quest
from raykd.ops.words import assign_words, predict_words, quest_loss
from raykd.space.ranges import space
from tiny import TinyRoute, batch, clock, context, network, shapes

SPEC = Quest(words=5, iterations=8, temperature=0.2, scaled=False)
NETS = network(0), network(0, widths=(5, 8))  # the student's last map is 6 x 2 x 2, the teacher's 8 x 2 x 2


def build(folder, spec=SPEC, route=None, nets=NETS, seed=0) -> Any:
    torch.manual_seed(seed)
    return spec.build(shapes(*nets), context(folder, route))


def test_a_codebook_is_made_once_and_one_feature_pass_serves_every_number_of_words_and_seed(tmp_path):
    route = TinyRoute()
    first = build(tmp_path, SPEC, route)
    first.follow(3)
    second = build(tmp_path, SPEC, route)
    second.follow(3)
    other = build(tmp_path, dataclasses.replace(SPEC, words=7), route)
    other.follow(3)
    reseeded = build(tmp_path, dataclasses.replace(SPEC, seed=1), route)
    reseeded.follow(3)
    assert route.asked == [3]
    assert torch.equal(first.words, second.words)
    assert other.words.shape == (7, 8)
    assert not torch.equal(reseeded.words, first.words)


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
