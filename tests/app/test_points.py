"""How the command line names the settings of a sweep."""

import pytest
from programs import command_line

from experiments.app import config, points, recipes
from jaxmlp import digest
from jaxmlp.randomness import keys
from jaxmlp.training.recipe import init_params, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=1e-4,1e-3", ("learning_rate", [1e-4, 1e-3])),
        ("hidden_sizes=64,256x64,linear", ("hidden_sizes", [(64,), (256, 64), ()])),
        ("batch_size=8,16", ("batch_size", [8, 16])),
        ("activation=relu, tanh", ("activation", ["relu", "tanh"])),
        ("optimizer=adam,sgd", ("optimizer", ["adam", "sgd"])),
    ],
)
def test_an_axis_takes_the_values_that_its_flag_takes(text, expected):
    with command_line():
        name, values = points.parse_axis(text)
        assert (name, values) == expected
        assert [points.parse_value(name, points.value_text(v)) for v in values] == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learning_rate", "--sweep needs such as learning_rate=1e-3,1e-2, got learning_rate"),
        ("learning_rate=", "--sweep needs such as"),
        ("lr=1", "a sweep needs one of num_epochs, batch_size, .*, got lr"),
        ("seed=1,2", "a sweep needs one of .*, got seed"),
        ("learning_rate=-1", "learning_rate=-1: .*"),
        ("learning_rate=1,,2", "learning_rate=: "),
        ("batch_size=1.5", "batch_size=1.5: "),
        ("activation=relu,foo", "activation=foo: "),
        ("learning_rate=1,nan", "learning_rate=nan: expected 0 or a number"),
        ("learning_rate=inf", "learning_rate=inf: expected 0 or a number"),
        ("num_epochs=1,1000000000000", "num_epochs=1000000000000: expected a whole number"),
        ("hidden_sizes=8,99999999999", "hidden_sizes=99999999999: expected widths"),
        (
            "l2=" + "1," * 100_000 + "1",
            "a sweep needs at most 100,000 networks, got 100001 = 100,001",
        ),
        ("hidden_sizes=a", "hidden_sizes=a: expected widths"),
    ],
)
def test_anything_else_is_refused_in_a_line(text, message):
    with command_line(), pytest.raises(ValueError, match=message) as refused:
        points.parse_axis(text)
    assert "\n" not in str(refused.value)


def test_seeds_are_a_range_or_a_list():
    assert points.parse_seeds("3:6") == range(3, 6)
    assert points.parse_seeds(":2") == range(2)
    assert points.parse_seeds("0:100000") == range(100_000)
    assert points.parse_seeds("4") == [4]
    for text in (
        *("", "1:2:3", "a", "1,b", "1:", "-1:2", "4294967296", "1.5", "nan", "٣", "3:3", "3:1"),
        *("0:100001", "0:99999999999", "9" * 5000, "0:" + "9" * 5000),
    ):
        with pytest.raises(ValueError, match=f"seeds need a range such as 0:32 .*, got {text}$"):
            points.parse_seeds(text)


def test_a_member_needs_a_value_for_each_axis():
    axes = ["learning_rate", "seed"]
    with command_line():
        member = points.parse_member("seed=7,learning_rate=1e-3", axes)
        assert member == {"seed": 7, "learning_rate": 0.001}
        for text in (
            "seed=5:5,learning_rate=1",
            "seed=1.5,learning_rate=1",
            "learning_rate=1,seed=",
        ):
            with pytest.raises(ValueError, match="--member needs one whole number as seed, got"):
                points.parse_member(text, axes)
        for text in ("seed=7", "seed=7,learning_rate=1,batch_size=2", "seed=7,seed=8"):
            with pytest.raises(
                ValueError, match="--member needs a value for each of learning_rate"
            ):
                points.parse_member(text, axes)


@pytest.mark.parametrize("seed", ["5:5", "0:2", "1.5", "-1", "", "²", "1_0", "9" * 5000])
def test_a_member_has_one_seed(seed):
    message = f"--member needs one whole number as seed, got {seed[:9]}"
    with command_line(), pytest.raises(ValueError, match=message):
        points.parse_member(f"seed={seed}", ["seed"])


def test_the_axes_of_a_sweep_are_in_the_order_of_its_results():
    config = {"sweep": ["hidden_sizes=8,linear", "learning_rate=1e-3"], "seeds": "0:2"}
    with command_line():
        axes = points.axes({**config, "shuffle_seeds": "5,7"})
        assert list(axes.items()) == [
            *(("hidden_sizes", ["8", "linear"]), ("learning_rate", ["0.001"])),
            *(("shuffle_seed", ["5", "7"]), ("seed", ["0", "1"])),
        ]
        every = {**config, "shuffle_seeds": "5", "noise_seeds": "6"}
        assert list(points.axes(every))[2:] == ["shuffle_seed", "noise_seed", "seed"]
        assert "shuffle_seed" not in points.axes({**config, "shuffle_seeds": None})


@pytest.mark.parametrize(
    ("setting", "flags"),
    [
        ({"learning_rate": 0.5}, ["--learning_rate=0.5"]),
        ({"optimizer": "sgd"}, ["--optimizer=sgd"]),  # with its own default rate
        ({"optimizer": "adamw"}, ["--optimizer=adamw"]),  # and its own decay
        ({"hidden_sizes": (8, 4)}, ["--hidden_sizes=8,4"]),
        ({"kernel_init": "gaussian", "kernel_stddev": 0.1}, None),
        ({"schedule": "cosine", "num_epochs": 3}, ["--schedule=cosine", "--num_epochs=3"]),
    ],
)
def test_a_setting_means_what_the_flags_of_mnist_mean(setting, flags, blobs):
    data = blobs._replace(num_classes=3)
    flags = flags or [f"--{name}={value}" for name, value in setting.items()]
    with command_line("--batch_size=8"):
        made = points.recipe_at(data, config.decisive(config.read()), setting)
    with command_line("--batch_size=8", *flags):
        alone = recipes.recipe(config.make(config.read(), data, None))
    assert split(made)[0] == split(alone)[0]
    assert dict(made.hyperparameters) == dict(alone.hyperparameters)
    start, expected = (init_params(*split(r), keys(0).init) for r in (made, alone))
    assert digest(start) == digest(expected)


def test_the_networks_of_a_sweep_are_counted_before_they_are_made():
    points.refuse_too_many(range(100), range(100), [1] * 10, None)
    with pytest.raises(ValueError, match=r"at most 100,000 networks, got 100 x 1001 = 100,100$"):
        points.refuse_too_many(range(100), range(1001), None)


def test_a_fold_is_an_axis_before_the_seeds():
    swept = {"sweep": ["l2=0,0.1"], "seeds": "0:2", "shuffle_seeds": "3,4", "folds": 3}
    with command_line():
        axes = points.axes(swept)
        assert list(axes) == ["l2", "fold", "shuffle_seed", "seed"]
        assert axes["fold"] == ["0", "1", "2"]
        found = points.parse_member("l2=0.1,fold=2,shuffle_seed=3,seed=1", axes)
        assert found == {"l2": 0.1, "fold": 2, "shuffle_seed": 3, "seed": 1}
        assert points.setting_of(found) == {"l2": 0.1}
        assert list(points.axes({**swept, "folds": 0})) == ["l2", "shuffle_seed", "seed"]
        with pytest.raises(ValueError, match="--member needs a value for each of l2, fold, "):
            points.parse_member("l2=0.1,shuffle_seed=3,seed=1", axes)


def test_folds_of_several_lengths_train_alike():
    given = {"num_epochs": None, "batch_size": None, "l2": 0.0}
    config = {"given": given, "num_epochs": 40, "batch_size": 32, "folds": 2}
    assert points.given(config) == {"num_epochs": 40, "batch_size": 32, "l2": 0.0}
    assert points.given({**config, "folds": 0}) == given
