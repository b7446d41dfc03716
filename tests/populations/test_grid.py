import functools

import numpy as np
import optax
import pytest

from jaxmlp import Recipe, activations, classification, mlp, optimizers, schedules
from jaxmlp.populations.grid import make_grid

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.5}, 16, 3)


def test_members_are_in_the_order_of_the_axes_and_seeds_come_last():
    grid = make_grid(RECIPE, [5, 3], {"learning_rate": [0.25, 0.125], "b1": [0.5, 0.75]})
    assert list(grid.axes.items()) == [
        ("learning_rate", (0.25, 0.125)),
        ("b1", (0.5, 0.75)),
        ("seed", (5, 3)),
    ]
    assert grid.seeds.tolist() == grid.draws.shuffle.tolist() == [5, 3] * 4
    assert grid.seeds.dtype == grid.draws.shuffle.dtype == np.uint32
    assert grid.settings.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    (program,) = grid.programs
    assert program.members.tolist() == list(range(8))
    assert program.seeds.tolist() == [5, 3] * 4
    assert program.numbers["learning_rate"].tolist() == [0.25] * 4 + [0.125] * 4
    assert program.numbers["b1"].tolist() == [0.5, 0.5, 0.75, 0.75] * 2
    assert {values.dtype for values in program.numbers.values()} == {np.dtype(np.float32)}
    assert [dict(recipe.hyperparameters) for recipe in grid.recipes] == [
        {"learning_rate": rate, "b1": b1} for rate in (0.25, 0.125) for b1 in (0.5, 0.75)
    ]
    assert grid.seeds[5] == 3
    assert dict(grid.recipes[grid.settings[5]].hyperparameters) == {
        "learning_rate": 0.125,
        "b1": 0.5,
    }
    assert grid.num_epochs.tolist() == [3] * 8


def test_without_a_sweep_there_are_the_seeds():
    grid = make_grid(RECIPE, iter([2**32 - 1, 0]))
    assert grid.axes == {"seed": (2**32 - 1, 0)}
    assert grid.seeds.tolist() == [2**32 - 1, 0]
    assert grid.recipes == (RECIPE,)
    assert grid.seeds[1] == 0


def test_orders_may_be_shared_or_an_axis():
    shared = make_grid(RECIPE, [5, 3], shuffle="shared")
    assert shared.axes == {"seed": (5, 3)}
    assert shared.seeds.tolist() == [5, 3]
    assert shared.draws.shuffle.tolist() == [0, 0]
    crossed = make_grid(RECIPE, [5, 3], {"b1": [0.5, 0.75]}, shuffle_seeds=[9, 1, 5])
    assert list(crossed.axes) == ["b1", "shuffle_seed", "seed"]
    assert crossed.seeds.tolist() == [5, 3] * 6
    assert crossed.draws.shuffle.tolist() == [9, 9, 1, 1, 5, 5] * 2
    assert crossed.settings.tolist() == [0] * 6 + [1] * 6
    assert (crossed.draws.shuffle[8], crossed.seeds[8]) == (1, 5)


def test_programs_are_as_few_as_the_settings_that_differ_in_more_than_numbers():
    sweep = {
        "hidden_sizes": [[8], (16, 8)],
        "learning_rate": [0.25, 0.125],
        "batch_size": [16, 5],
    }
    grid = make_grid(RECIPE, [0, 1], sweep)
    assert grid.axes["hidden_sizes"] == ((8,), (16, 8))
    assert len(grid.recipes) == 8
    assert len(grid.programs) == 4
    assert [program.members.tolist() for program in grid.programs] == [
        [first, first + 1, first + 4, first + 5] for first in (0, 2, 8, 10)
    ]
    models = [mlp((4, 8, 3)), mlp((4, 8, 3)), mlp((4, 16, 8, 3)), mlp((4, 16, 8, 3))]
    assert [program.static.model for program in grid.programs] == models
    assert [program.static.batch_size for program in grid.programs] == [16, 5, 16, 5]
    for program in grid.programs:
        assert program.numbers["learning_rate"].tolist() == [0.25, 0.25, 0.125, 0.125]
        assert program.seeds.tolist() == [0, 1, 0, 1]


def test_other_lengths_share_a_compilation_unless_a_schedule_looks_at_them():
    sweep = {"num_epochs": [4, 2]}
    grid = make_grid(RECIPE, [0], sweep)
    assert [program.recipe.num_epochs for program in grid.programs] == [4, 2]
    assert grid.programs[0].static == grid.programs[1].static
    assert grid.num_epochs.tolist() == [4, 2]
    grid = make_grid(RECIPE._replace(schedule=schedules.cosine), [0], sweep)
    assert [program.static.num_epochs for program in grid.programs] == [4, 2]


def test_whole_numbers_among_floats_are_floats():
    grid = make_grid(RECIPE, [0], {"b1": [0, 0.5]})
    assert grid.axes["b1"] == (0.0, 0.5)
    assert [type(value) for value in grid.axes["b1"]] == [float, float]
    assert len(grid.programs) == 1
    grid = make_grid(RECIPE, [0], {"learning_rate": [1, 2]})  # as the recipe's own is a float
    assert grid.programs[0].numbers["learning_rate"].tolist() == [1, 2]


def test_whole_numbers_alone_are_no_floats():
    grid = make_grid(RECIPE, [0], {"batch_size": [4, 8]})
    assert [type(recipe.batch_size) for recipe in grid.recipes] == [int, int]
    nesterov = RECIPE._replace(optimizer=optax.sgd)
    grid = make_grid(nesterov, [0], {"momentum": [0.5], "nesterov": [True, False]})
    assert [dict(recipe.hyperparameters)["nesterov"] for recipe in grid.recipes] == [True, False]
    assert len(grid.programs) == 2


def test_numpys_values_are_taken_as_pythons():
    rates = np.array([0.25, 0.125], np.float32)
    grid = make_grid(RECIPE, np.arange(2), {"learning_rate": rates, "batch_size": np.array([4, 8])})
    assert grid.axes == {"learning_rate": (0.25, 0.125), "batch_size": (4, 8), "seed": (0, 1)}
    types = [type(value) for values in grid.axes.values() for value in values]
    assert types == [float, float, int, int, int, int]


def test_functions_networks_and_nothing_are_values_too():
    sweep = {
        "activation": [activations.relu, activations.tanh],
        "optimizer": [optax.adam, optimizers.sgd],
        "schedule": [None, schedules.cosine],
    }
    grid = make_grid(RECIPE, [0], sweep)
    assert grid.axes["schedule"] == (None, schedules.cosine)
    assert len(grid.programs) == 8
    assert grid.recipes[-1] == RECIPE._replace(
        model=mlp((4, 8, 3), activations.tanh),
        optimizer=optimizers.sgd,
        schedule=schedules.cosine,
    )
    assert grid.recipes[0] == RECIPE


def test_a_function_makes_the_recipes():
    def recipe(width, rate):
        model = mlp((4, width, 3))
        return RECIPE._replace(model=model, hyperparameters={"learning_rate": rate})

    grid = make_grid(recipe, [0], {"width": [4, 6], "rate": [0.25, 0.5]})
    assert [len(program.members) for program in grid.programs] == [2, 2]
    assert grid.programs[1].static.model == mlp((4, 6, 3))
    assert grid.programs[1].numbers["learning_rate"].tolist() == [0.25, 0.5]
    with pytest.raises(ValueError, match="^sweep needs the recipe function's arguments: .*"):
        make_grid(recipe, [0], {"depth": [1]})
    with pytest.raises(ValueError, match="^the recipe function needs to return a Recipe, got 8$"):
        make_grid(lambda width: 2 * width, [0], {"width": [4]})

    def broken(width):
        raise TypeError(f"its own {width}")

    with pytest.raises(TypeError, match="^its own 4$"):
        make_grid(broken, [0], {"width": [4]})


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"activation": ["relu"]}, "^sweep of activation needs functions, got 'relu'$"),
        ({"optimizer": ["adam"]}, "^sweep of optimizer needs functions, got 'adam'$"),
        ({"optimizer": [optax.adam(0.1)]}, "^sweep of optimizer needs functions, got Grad"),
        ({"learning_rate": ["a"]}, "^sweep of learning_rate needs numbers, got 'a'$"),
        ({"learning_rate": [{}]}, "^sweep of learning_rate needs values that can be told apart"),
    ],
)
def test_values_of_another_kind_are_refused(sweep, message):
    with pytest.raises(ValueError, match=message):
        make_grid(RECIPE, [0], sweep)


def test_a_width_stands_for_one_hidden_layer():
    grid = make_grid(RECIPE, [0], {"hidden_sizes": [5, 6]})
    assert [recipe.model for recipe in grid.recipes] == [mlp((4, 5, 3)), mlp((4, 6, 3))]


def test_norms_and_rates_of_the_network_may_be_swept_and_none_is_none_of_it():
    sweep = {"dropout": [None, 0, 0.5], "norm": [None, "batch"]}
    grid = make_grid(RECIPE, [0], sweep)
    assert grid.axes["norm"] == (None, "batch")
    assert [recipe.model for recipe in grid.recipes] == [
        mlp((4, 8, 3), dropout=dropout, norm=norm)
        for dropout in (None, 0.0, 0.5)
        for norm in (None, "batch")
    ]
    assert [len(program.members) for program in grid.programs] == [1, 1, 2, 2]  # of 0 and 0.5
    assert grid.programs[2].numbers["dropout"].tolist() == [0, 0.5]
    noisy = RECIPE._replace(model=mlp((4, 8, 3), input_noise=0.1, norm="layer"))
    sweep = {"hidden_sizes": [(5,)], "input_noise": [None], "norm_epsilon": [0.5]}
    (recipe,) = make_grid(noisy, [0], sweep).recipes
    assert recipe.model == mlp((4, 5, 3), norm="layer", norm_epsilon=0.5)


@pytest.mark.parametrize("hyperparameters", [{"learning_rate": 0.5}, (("learning_rate", 0.5),)])
def test_the_recipe_is_left_as_it_was(hyperparameters):
    recipe = RECIPE._replace(hyperparameters=hyperparameters)
    before = dict(hyperparameters)
    make_grid(recipe, [0], {"learning_rate": [0.25], "b1": [0.5]})
    assert dict(recipe.hyperparameters) == before


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            {"learning_rat": [1.0]},
            "^sweep needs hyperparameters of .*hidden_sizes.* learning_rat: ",
        ),
        ({"b1": []}, "^sweep of b1 needs at least one value, got none$"),
        ({"b1": [0.5, 0.25, 0.5]}, "^sweep of b1 needs each value once, got 0.5 2 times$"),
        ({"b1": [1, 1.0]}, "^sweep of b1 needs each value once, got 1.0 2 times$"),
        ({"b1": [0.5, float("inf")]}, "^sweep of b1 needs finite numbers, got inf$"),
        ({"b1": 0.5}, "^sweep of b1 needs a list of values, got 0.5$"),
        ({"optimizer": "adam"}, "^sweep of optimizer needs a list of values, got adam$"),
        ({"epoch": [1]}, "^sweep needs other names than those of its own axes, got .*epoch"),
        ({"shuffle_seed": [1]}, "names than those of its own axes, got .*shuffle_seed"),
        ({"hidden_sizes": [(8,), [8]]}, "^sweep of hidden_sizes needs each value once, got "),
        ({"hidden_sizes": [(0,)]}, "^sizes needs positive whole numbers"),
        ({"dropout": [0.5, 1.0]}, "^dropout needs a number of at least 0 and below 1, .* got 1.0$"),
        ({"dropout": ["0.5"]}, "^dropout needs a number of at least 0 .* got '0.5'$"),
        ({"norm": ["group"]}, "^norm needs to be batch, layer or None, got 'group'$"),
        ({"norm_momentum": [0.9]}, "^norm_momentum needs norm='batch', got norm=None$"),
    ],
)
def test_a_bad_sweep_is_one_line(sweep, message):
    with pytest.raises(ValueError, match=message) as caught:
        make_grid(RECIPE, [0], sweep)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("hyperparameters", "sweep"),
    [
        ({}, {"b1": [0.5], "learning_rate": [0.25]}),
        ({"learning_rate": 0.5}, {"optimizer": [optimizers.momentum], "momentum": [0.5]}),
    ],
)
def test_the_order_of_names_does_not_matter(hyperparameters, sweep):
    recipe = RECIPE._replace(hyperparameters=hyperparameters)
    there_and_back = [sweep, dict(reversed(sweep.items()))]
    first, second = (make_grid(recipe, [0], order).recipes[0] for order in there_and_back)
    assert dict(first.hyperparameters) == dict(second.hyperparameters)


def test_rows_of_an_array_are_tuples():
    grid = make_grid(RECIPE, [0], {"hidden_sizes": np.array([[8, 4], [16, 8]])})
    assert grid.axes["hidden_sizes"] == ((8, 4), (16, 8))


def test_recipes_that_name_other_numbers_make_programs_of_their_own():
    def recipe(b1):
        return RECIPE._replace(hyperparameters={"learning_rate": 0.5} | ({"b1": b1} if b1 else {}))

    grid = make_grid(recipe, [0], {"b1": [0.0, 0.5]})
    numbers = [{n: v.tolist() for n, v in program.numbers.items()} for program in grid.programs]
    assert numbers == [{"learning_rate": [0.5]}, {"learning_rate": [0.5], "b1": [0.5]}]


def test_equal_partials_that_a_function_makes_share_a_program():
    def recipe(rate):
        schedule = functools.partial(schedules.warmup_cosine, warmup=0.2)
        return RECIPE._replace(hyperparameters={"learning_rate": rate}, schedule=schedule)

    assert len(make_grid(recipe, [0], {"rate": [0.5, 0.25]}).programs) == 1


@pytest.mark.parametrize("change", [{"optimizer": "adam"}, {"hyperparameters": [0.1]}])
def test_a_recipe_of_other_pieces_is_refused(change):
    (name,) = change
    with pytest.raises(ValueError, match=f"^{name} needs? to be "):
        make_grid(RECIPE._replace(**change), [0], {"learning_rate": [0.5]})


@pytest.mark.parametrize(
    ("seeds", "sweep", "message"),
    [
        (range(10**11), None, "seeds needs at most 1,000,000 values, got more"),
        (iter(range(10**7)), None, "seeds needs at most 1,000,000 values, got more"),
        (
            range(2000),
            {"b1": [i / 1000 for i in range(501)]},
            "at most 1,000,000 members, got 1,002",
        ),
        ([0], [1], r"sweep needs names with their values, got a list"),
        ([0], "x", "sweep needs names with their values, got 'x'"),
    ],
)
def test_what_is_without_end_or_without_names_is_refused_at_once(seeds, sweep, message):
    with pytest.raises(ValueError, match=message):
        make_grid(RECIPE, seeds, sweep)
