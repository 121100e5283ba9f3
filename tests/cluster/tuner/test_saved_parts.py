"""Parts of a search are saved in the file that Tune's trials are in, as they are at that moment."""

import pytest
from controllers import add, new_controller

from raykd.cluster.tuner.saved_parts import save_with

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


def test_a_new_search_brings_nothing_back_and_the_next_what_was_known_when_it_was_saved(tmp_path):
    ended, controller = ["a"], new_controller(tmp_path)
    add(controller, "a", "TERMINATED")  # without a trial Tune goes on with no search
    assert save_with(controller, ended=lambda: ended, count=lambda: len(ended)) == {}
    ended.append("b")
    assert save_with(controller, ended=lambda: ["other"]) == {}
    controller.checkpoint(force=True, wait=True)
    ended.append("c")
    resumed = new_controller(tmp_path, resume=True)
    assert save_with(resumed, ended=lambda: ended) == {"ended": ["a", "b"], "count": 2}
    assert save_with(resumed, ended=lambda: ended) == {}
    resumed.checkpoint(force=True, wait=True)
    assert save_with(new_controller(tmp_path, resume=True), ended=lambda: ended) == {"ended": ["a", "b", "c"]}
