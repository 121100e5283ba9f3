"""Parts of a search are saved in the file that Tune's trials are in, as they are at that moment."""

import json
from types import SimpleNamespace
from typing import Any

from ray.tune.utils.serialization import TuneFunctionEncoder, _loads_with_cloudpickle

from raykd.cluster.tuner.saved_parts import save_with


def saved(controller: Any) -> Any:
    """A controller as Tune writes it to its file and reads it there."""
    text = json.dumps(vars(controller), cls=TuneFunctionEncoder)
    return SimpleNamespace(**_loads_with_cloudpickle(text))


def test_a_new_search_brings_nothing_back_and_the_next_what_was_known_when_it_was_saved():
    ended, controller = ["a"], SimpleNamespace()
    assert save_with(controller, ended=lambda: ended, count=lambda: len(ended)) == {}
    ended.append("b")
    assert save_with(controller, ended=lambda: ["other"]) == {}
    resumed = saved(controller)
    ended.append("c")
    assert save_with(resumed, ended=lambda: ended) == {"ended": ["a", "b"], "count": 2}
    assert save_with(resumed, ended=lambda: ended) == {}
    assert save_with(saved(resumed), ended=lambda: ended) == {"ended": ["a", "b", "c"]}
