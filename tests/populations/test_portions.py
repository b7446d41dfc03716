"""Which process trains which members."""

import jax
import numpy as np
import optax
import pytest
from jax.sharding import Mesh

from jaxmlp import Recipe, classification, mlp
from jaxmlp.populations import portions
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.teams import own_teams

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.1}, 16, 3)


class Device:
    """What there is to know of a device elsewhere."""

    def __init__(self, process_index):
        self.process_index = process_index


@pytest.mark.parametrize(
    ("members", "teams", "expected"),
    [
        (7, [1, 1], [3, 4]),
        (8, [1, 1], [4, 4]),
        (7, [1, 1, 1], [2, 3, 2]),
        (2, [1, 1, 1, 1], [0, 1, 0, 1]),
        (1, [1, 1, 1], [0, 1, 0]),
        (9, [2, 1], [6, 3]),
        (100, [8, 8, 4], [40, 40, 20]),
    ],
)
def test_members_are_divided_by_the_teams(members, teams, expected):
    homes = portions.divide(make_grid(RECIPE, range(members)), [0.1], teams)
    assert np.bincount(homes, minlength=len(teams)).tolist() == expected


def test_a_process_has_as_few_programs_as_may_be_and_its_part_of_the_work():
    grid = make_grid(RECIPE, range(12), {"hidden_sizes": [(8,), (16,), (32,), (64,)]})
    homes = portions.divide(grid, [1.0, 2.0, 4.0, 8.0], [1, 1, 1])
    found = [sorted(set(homes[program.members])) for program in grid.programs]
    assert found == [[0], [0], [0, 1], [1, 2]]
    seconds = np.array([1.0, 2.0, 4.0, 8.0])[grid.settings]
    work = [seconds[homes == process].sum() for process in range(3)]
    assert max(work) - min(work) <= 8


def test_seeds_of_each_setting_are_spread_over_the_processes():
    grid = make_grid(RECIPE, range(4), {"learning_rate": [0.1, 0.2, 0.3]})
    homes = portions.divide(grid, [1.0], [1, 1]).reshape(3, 4)
    assert [sorted(of_setting) for of_setting in homes.tolist()] == [[0, 0, 1, 1]] * 3


def test_a_part_of_a_grid_has_the_same_networks_by_other_numbers():
    sweep = {"learning_rate": [0.1, 0.2], "hidden_sizes": [(8,), (16,)]}
    grid = make_grid(RECIPE, [5, 6, 7], sweep, shuffle_seeds=[9])
    members = np.array([1, 4, 6, 11])  # of the settings 0, 1, 2, 3
    part = portions.part_of(grid, members)
    assert part.seeds.tolist() == [6, 6, 5, 7]
    assert part.draws.shuffle.tolist() == [9] * 4
    assert part.settings.tolist() == [0, 1, 2, 3]
    assert (part.axes, part.recipes) == (grid.axes, grid.recipes)
    assert [program.members.tolist() for program in part.programs] == [[0, 2], [1, 3]]
    assert [program.seeds.tolist() for program in part.programs] == [[6, 5], [6, 7]]
    rates = [program.numbers["learning_rate"].tolist() for program in part.programs]
    assert rates == [[np.float32(0.1), np.float32(0.2)]] * 2
    only = portions.part_of(grid, members[:1])
    assert [program.recipe for program in only.programs] == [grid.programs[0].recipe]
    assert portions.part_of(grid, members[:0]).programs == ()


def test_portions_have_each_member_once(blobs):
    grid = make_grid(RECIPE, range(7), {"num_epochs": [1, 6]})
    counts = {2: 1, 5: 2}
    first, second = (portions.portion_of(grid, blobs, counts, process) for process in counts)
    assert sorted([*first.members, *second.members]) == list(range(14))
    assert first.processes == second.processes == (2, 5)
    assert first.homes.tolist() == second.homes.tolist()
    assert set(first.homes[first.members]) == {2}
    # A third of the work of 7 times 1 + 6 epochs: all short ones, and one of the long ones.
    assert np.bincount(grid.num_epochs[first.members]).tolist()[1::5] in ([7, 1], [7, 2])
    alone = portions.portion_of(grid, blobs, {4: 3}, 4)
    assert alone.grid is alone.whole is grid
    assert alone.members.tolist() == list(range(14))


def test_devices_of_a_member_are_of_one_process():
    here, there = Device(jax.process_index()), Device(jax.process_index() + 1)
    assert portions.processes_of([there, here, there]) == {0: 1, 1: 2}
    assert own_teams([there, here, there]) == (here,)
    with pytest.raises(ValueError, match="mesh needs a device of this process, 0, got none"):
        portions.processes_of([there])
    mesh = Mesh(np.array(jax.devices()[:1]), ("data",))
    assert portions.processes_of([mesh]) == {0: 1}
