"""What a teacher promises: a route that is as long as it said, made once, with the same weights each time."""

from raykd.data.dataset import DataSpec, load
from raykd.protocols.context import BuildContext
from raykd.protocols.teacher import TeacherRoute, TeacherSpec
from raykd.storage.artifacts import Store
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import CPU, TINY, drawing_nothing, global_seed, same_tensors, scratch


def check_teacher(teacher: TeacherSpec, data: DataSpec = TINY.data) -> None:
    """Checks that a teacher keeps its promises; it is made twice.

    Args:
        data: what it teaches, by default a few synthetic images.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(teacher, TeacherSpec)
    with promised(teacher, f"checking it for {data!r}"):
        teacher.check(data)
    with scratch() as store, scratch() as elsewhere:
        route = _route(teacher, data, store, 1)
        _check_records(teacher, route)
        again = _route(teacher, data, store, 2)
        promise(again.folder == route.folder, teacher, "its route is made once more where the store has it")
        other = _route(teacher, data, elsewhere, 2)
        for number in range(1, route.num_checkpoints + 1):
            same = same_tensors(route.weights(number), other.weights(number))
            promise(same, teacher, f"checkpoint {number} is another one each time that it is made")
            _check_network(teacher, route, number)


def _route(teacher: TeacherSpec, data: DataSpec, store: Store, seed: int) -> TeacherRoute:
    context = BuildContext(data=data, dataset=load(data, CPU), store=store)
    with promised(teacher, "making its route"), global_seed(seed), drawing_nothing(teacher, "making its route"):
        return teacher.route(context)


def _check_records(teacher: TeacherSpec, route: TeacherRoute) -> None:
    found, said = route.num_checkpoints, teacher.num_checkpoints
    promise(found == said >= 1, teacher, f"says that it has {said} checkpoints, and its route has {found}")
    epochs = [record["epoch"] for record in route.records]
    promise(epochs == sorted(set(epochs)), teacher, f"the epochs of its checkpoints must rise, got {epochs}")
    accuracies = [record["accuracy"] for record in route.records]
    shares = all(0 <= accuracy <= 1 for accuracy in accuracies)
    promise(shares, teacher, f"the accuracies of its checkpoints must be 0 to 1, got {accuracies}")


def _check_network(teacher: TeacherSpec, route: TeacherRoute, number: int) -> None:
    with promised(teacher, f"loading checkpoint {number}"):
        network = route.network(number)
    finite = all(bool(value.isfinite().all()) for value in network.state_dict().values())
    promise(finite, teacher, f"the weights of checkpoint {number} are not finite")
