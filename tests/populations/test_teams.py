"""Members that several devices train together; here there is one, and another process has more."""

import jax
import numpy as np
import optax
import pytest
from eight_devices import printed
from jax.sharding import Mesh

from jaxmlp import Recipe, classification, digest, mlp, plan_many, train, train_many
from jaxmlp.populations import teams
from jaxmlp.training.parallel import Parallel

DEVICE = jax.devices()[0]
RECIPE = Recipe(mlp((4, 6, 3)), classification(3), optax.adam, {"learning_rate": 0.01}, 16, 2)


def mesh_of(**axes):
    """A mesh that is enough to be looked at: all its devices are one."""
    return Mesh(np.full(tuple(axes.values()), DEVICE), tuple(axes))


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({"x": 3}, [1, 1, 1]),
        ({"x": 2, "y": 2}, [1, 1, 1, 1]),
        ({"member": 3}, [1, 1, 1]),
        ({"data": 4}, [("data", 4)]),
        ({"data": 2, "member": 3}, [("data", 2)] * 3),
        ({"member": 3, "data": 2}, [("data", 2)] * 3),
    ],
)
def test_a_team_has_the_devices_of_one_place_along_member(axes, expected):
    found = teams.teams_of(mesh_of(**axes))
    assert [1 if each is DEVICE else (*each.axis_names, each.size) for each in found] == expected
    assert [len(teams.devices_of(each)) for each in found] == [
        size if isinstance(size, int) else size[1] for size in expected
    ]


def test_devices_of_a_team_lie_along_the_other_axes():
    numbers = np.arange(6).reshape(2, 3)
    assert [each.tolist() for each in teams._along(numbers, 1)] == [[0, 3], [1, 4], [2, 5]]
    assert [each.tolist() for each in teams._along(numbers, 0)] == [[0, 1, 2], [3, 4, 5]]
    assert [each.tolist() for each in teams._along(numbers, None)] == [numbers.tolist()]


class Device:
    """What there is to know of a device elsewhere."""

    def __init__(self, process_index):
        self.process_index = process_index


def test_teams_are_of_one_process_each_however_a_mesh_lies():
    first, second = [Device(0) for _ in range(4)], [Device(1) for _ in range(4)]
    crossed = [np.array([[a, b]]) for a, b in zip(first, second, strict=True)]
    found = teams._by_process(crossed)
    assert [team.shape for team in found] == [(1, 2)] * 4
    assert [teams._processes(team) for team in found] == [{0}, {0}, {1}, {1}]
    assert [team.ravel().tolist() for team in found[:2]] == [first[:2], first[2:]]


def test_all_devices_are_the_default():
    assert teams.teams_of(None) == tuple(jax.devices())


def test_a_team_of_one_device_along_data_has_the_bits_of_train_on_such_a_mesh(blobs):
    runs = train_many(RECIPE, blobs, [3, 1], mesh=mesh_of(data=1, member=1))
    for seed in (3, 1):
        run = train(RECIPE, blobs, seed, mesh=mesh_of(data=1))
        member = runs.member(seed=seed)
        assert digest(member.state) == digest(run.state)
        assert digest(member.history) == digest(run.history)
    alone = train(RECIPE, blobs, 3)
    assert digest(alone.params) != digest(runs.member(seed=3).params)  # no batch was cut
    assert digest(train_many(RECIPE, blobs, [3], mesh=mesh_of(member=1)).member().params) == digest(
        alone.params
    )


@pytest.mark.parametrize(
    ("mesh", "recipe", "mode", "said"),
    [
        ("member", RECIPE, None, "mesh needs to be like jax.make_mesh.*, got 'member'"),
        (mesh_of(data=1, other=2), RECIPE, None, 'axes "data" and .*, got data:1, other:2'),
        (mesh_of(member=2, model=2), RECIPE, None, "needs whole layers .*, got model:2 for a mem"),
        (mesh_of(member=1, data=3), RECIPE, "exact", "needs 1, 2, 4 or 8 devices, got 3"),
        (mesh_of(member=1, data=3), RECIPE, "fast", "a multiple of 3 on 3 devices .*, got 16"),
        (
            mesh_of(data=1),
            RECIPE._replace(batch_size=20),
            None,
            "batch_size needs to be a multiple of 8 on 1 devices in exact mode, got 20",
        ),
        (mesh_of(data=2), RECIPE, "plain", "mode needs to be exact or fast, got plain"),
    ],
)
def test_what_cannot_be_divided_is_refused_before_any_work(mesh, recipe, mode, said, blobs):
    for work in (plan_many, train_many):
        with pytest.raises(ValueError, match=said):
            work(recipe, blobs, [0], mesh=mesh, mode=mode)


def test_a_batch_size_of_a_sweep_needs_to_be_divided_too(blobs):
    with pytest.raises(ValueError, match="a multiple of 8 on 1 devices in exact mode, got 20"):
        plan_many(RECIPE, blobs, [0], {"batch_size": [16, 20]}, mesh=mesh_of(data=1))


def test_arrays_of_a_team_are_on_all_its_devices():
    mesh = mesh_of(data=1)
    assert teams.place_of(DEVICE) is DEVICE
    assert teams.place_of(Parallel(mesh, "fast")).is_fully_replicated
    assert teams.devices_of(Parallel(mesh, "fast")) == [DEVICE]


PROGRAM = """
import numpy as np, jaxmlp
from test_parallel import NETWORKS, made, near, recipe_of

data, seeds = made(), (5, 0, 2)
wrong = data._replace(train_inputs=np.where(np.arange(50)[:, None] == 7, np.inf, data.train_inputs))
for mode, count in (("exact", 4), ("fast", 2)):
    recipe = recipe_of(NETWORKS[sys.argv[1]])
    mesh = jax.make_mesh((count, 2), ("data", "member"), devices=jax.devices()[: 2 * count])
    together = jax.make_mesh((count,), ("data",), devices=jax.devices()[:count])
    plan = jaxmlp.plan_many(recipe, data, seeds, mesh=mesh, mode=mode)
    runs = jaxmlp.train_many(recipe, data, seeds, mesh=mesh, mode=mode)
    print(plan.mode, plan.num_devices, plan.chunk)
    for seed in seeds:
        run = jaxmlp.train(recipe, data, seed, mesh=together, mode=mode)
        member = runs.member(seed=seed)
        same = [jaxmlp.digest(a) == jaxmlp.digest(b) for a, b in zip(member, run) if a]
        print(seed, all(same) if mode == "exact" else near(member.params, run.params, 1e-6))
        if mode == "fast":
            assert near(member.history, run.history, 1e-5)
    faulty = jaxmlp.train_many(recipe, wrong, [1], mesh=mesh, mode=mode)
    print(*faulty.faults.values())
"""


@pytest.mark.parametrize("name", ["plain", pytest.param("both", marks=pytest.mark.slow)])
def test_two_teams_have_the_bits_of_train_on_the_mesh_of_one(name):
    lines = printed(PROGRAM, "training", name)
    assert lines[0] == "exact 8 3"
    assert lines[5] == "fast 4 3"
    assert lines[1:4] == lines[6:9] == ["5 True", "0 True", "2 True"]
    assert "row 7 of the training set are not finite" in lines[4]
    assert "row 7 of the training set are not finite" in lines[9]
