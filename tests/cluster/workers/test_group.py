"""A warm group: many jobs one after the other, failures and deaths, and the same numbers as without Ray."""

import dataclasses

import pytest
import ray
from small_studies import pickled

import tiny
from ranks import train_by_turns, train_on_two_ranks
from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.group import Group
from raykd.cluster.workers.job import Job
from raykd.optim import SGD
from raykd.runs.trial import read_epochs
from raykd.storage.artifacts import Store
from raykd.storage.local import LocalStorage
from waiting import wait_until

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(300)]


class Folder:
    """Jobs whose files lie under one folder."""

    def __init__(self, path):
        self.path = path

    def job(self, recipe, name):
        trial, board = str(self.path / "trials" / name), str(self.path / "tensorboard" / name)
        return Job(recipe=recipe, folder=trial, board=board, storage=LocalStorage(root=self.path), values={})

    def epochs(self, name):
        """The metrics of each epoch that a job wrote down."""
        records = read_epochs(self.path / "trials" / name)
        return [{key: value for key, value in record.items() if "/" in key} for record in records]


def held() -> set[str]:
    """The placement groups that there are."""
    table = ray.util.placement_group_table()
    return {key for key, found in table.items() if found["state"] != "REMOVED"}


@pytest.mark.parametrize("is_made", [False, True])
def test_a_group_that_ends_before_its_workers_are_up_holds_nothing(start, is_made):
    """As the second slot's of a short search, which Ray would let hold a CPU until the driver ends."""
    before = held()
    group = start()
    if is_made:
        wait_until(lambda: held() - before)
    group.end()
    wait_until(lambda: not group._thread.is_alive())
    wait_until(lambda: not held() - before)


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def start(tmp_path):
    """Starts groups, and ends them after the test."""
    groups = []

    def started(workers=1, **more):
        resources = Resources(workers=workers, cpus_per_worker=1 / max(workers, 2), **more)
        groups.append(Group(f"group-{len(groups)}", str(tmp_path / "groups"), resources))
        return groups[-1]

    yield started
    for group in groups:
        group.end()


def train(group, job):
    """Asks for all epochs of a job; gives the answers."""
    group.start(pickled(job))
    answers = []
    while not answers or not answers[-1].done:
        group.ask()
        answers.append(group.next_answer())
    return answers


def test_jobs_one_after_the_other_on_one_warm_worker(folder, start, tmp_path):
    """Its numbers are those of the bare loop; a stopped and a failed job leave it warm for the next."""
    group, recipe = start(), tiny.composed()
    answers = train(group, folder.job(recipe, "first"))
    alone = tiny.finish(recipe, Store(tmp_path / "other"))
    assert [answer.metrics for answer in answers] == alone.metrics == folder.epochs("first")
    assert [answer.number for answer in answers] == [1, 2, 3, 4]

    group.start(pickled(folder.job(tiny.recipe(), "stopped")))
    group.ask()
    assert group.next_answer().number == 1

    raising = dataclasses.replace(recipe, terms=(tiny.Killer(marker=str(tmp_path / "raised"), raises=True),))
    *fine, failed = train(group, folder.job(raising, "failing"))
    assert [answer.number for answer in fine] == [1, 2]
    assert (failed.error, failed.done, failed.metrics) == ("ValueError: the killer raises", True, None)

    diverging = tiny.recipe(optimiser=SGD(lr=1e30))
    last = train(group, folder.job(diverging, "diverging"))[-1]
    assert last.diverged and last.metrics["val/accuracy"] == 0.0

    assert [answer.metrics for answer in train(group, folder.job(recipe, "last"))] == alone.metrics
    assert len(folder.epochs("stopped")) == 1


def test_a_killed_worker_comes_back_and_nothing_is_lost(folder, start, tmp_path):
    recipe = tiny.recipe()
    deadly = dataclasses.replace(recipe, terms=(*recipe.terms, tiny.Killer(marker=str(tmp_path / "killed"))))
    answers = train(start(), folder.job(deadly, "killed"))
    assert (tmp_path / "killed").stat().st_size == 1
    undisturbed = tiny.finish(deadly, Store(tmp_path / "artifacts"))
    assert folder.epochs("killed") == undisturbed.metrics
    numbers = [answer.number for answer in answers]
    assert numbers == sorted(numbers) and numbers[-1] == 4
    assert answers[-1].metrics == undisturbed.metrics[-1]


def test_a_group_that_was_given_up_for_lost_leaves_the_trial_to_the_other(folder, start, tmp_path):
    recipe, (lost, other) = tiny.recipe(), (start(), start())
    lost.start(pickled(folder.job(recipe, "trial")))
    lost.ask()
    assert lost.next_answer().number == 1
    answers = train(other, folder.job(recipe, "trial"))
    lost.ask()
    answer = lost.next_answer()  # of a worker that was started in the place of the one that wrote nothing more
    assert (answer.number, answer.done, answer.error) == (4, True, None)
    assert not (tmp_path / "trials" / "trial" / "error.txt").exists()
    undisturbed = tiny.finish(recipe, Store(tmp_path / "other"))
    assert folder.epochs("trial") == undisturbed.metrics
    assert [answer.number for answer in answers] == [1, 2, 3, 4]


def test_two_workers_give_the_numbers_of_two_processes(folder, start, tmp_path):
    recipe = tiny.composed()
    answers = train(start(workers=2), folder.job(recipe, "both"))
    assert [answer.metrics for answer in answers] == train_on_two_ranks(recipe, tmp_path / "ranks")[0].metrics


@pytest.mark.slow
def test_of_three_elastic_workers_two_share_the_batch_and_one_stands_by(folder, start, tmp_path):
    group = start(workers=3, elastic=(1, 3))
    for name, recipe in (("four", tiny.composed()), ("seven", tiny.recipe(batch_size=7)), ("again", tiny.composed())):
        assert recipe.batch_size % 3
        size = 2 if recipe.batch_size % 2 == 0 else 1
        assert [answer.error for answer in train(group, folder.job(recipe, name))] == [None] * recipe.epochs
        assert folder.epochs(name) == train_by_turns(recipe, tmp_path / name, [size] * recipe.epochs)
        assert {record["workers"] for record in read_epochs(tmp_path / "trials" / name)} == {size}


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_one_of_two_workers_is_killed_and_the_other_does_not_blame_the_trial(rank, folder, start, tmp_path):
    """The one that is left fails in the middle of an epoch, as the two add up their gradients."""
    recipe = tiny.recipe()
    killer = tiny.Killer(marker=str(tmp_path / "killed"), rank=rank)
    deadly = dataclasses.replace(recipe, terms=(*recipe.terms, killer))
    answers = train(start(workers=2), folder.job(deadly, "killed"))
    assert (tmp_path / "killed").stat().st_size == 1
    assert [answer.error for answer in answers] == [None] * len(answers)
    assert folder.epochs("killed") == train_on_two_ranks(deadly, tmp_path / "ranks")[0].metrics
