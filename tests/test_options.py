import numpy as np
import pytest
from absl import flags
from programs import command_line

import jaxmlp
from experiments import options


def config_of(num_train, *arguments, earlier=None):
    inputs, labels = np.zeros((num_train, 6), np.float32), np.zeros(num_train, np.int32)
    data = jaxmlp.Dataset(inputs, labels, inputs, labels, name="data", num_classes=3)
    with command_line(*arguments):
        return options.config(data, earlier)


def test_defaults_suit_the_size_of_the_data():
    large, small = config_of(60_000), config_of(1_437)
    assert (large["batch_size"], large["num_epochs"]) == (256, 10)
    assert (small["batch_size"], small["num_epochs"]) == (32, 40)
    assert config_of(20)["batch_size"] == 20
    assert large["sizes"] == [6, 256, 3]


def test_a_flag_that_is_given_holds():
    config = config_of(20, "--batch_size=7", "--hidden_sizes=", "--learning_rate=0.5")
    assert (config["batch_size"], config["sizes"], config["learning_rate"]) == (7, [6, 3], 0.5)


def test_an_optimizer_brings_its_own_defaults():
    assert config_of(20, "--optimizer=sgd")["learning_rate"] == 0.1
    assert config_of(20)["weight_decay"] == 0.0
    assert config_of(20, "--optimizer=adamw")["weight_decay"] == 1e-4


@pytest.mark.parametrize("text", ["0", "64,-1", "64,,32", "wide", "1.5"])
def test_widths_that_are_no_widths_are_refused(text):
    with (
        pytest.raises(flags.IllegalFlagValueError, match=f"widths of at least 1 .*, got {text}"),
        command_line(f"--hidden_sizes={text}"),
    ):
        pass


def test_words_that_are_no_flags_are_refused():
    with pytest.raises(ValueError, match=r"expected flags only.*got fashion mnist"):
        options.refuse_arguments(["program", "fashion", "mnist"])


def test_auto_brings_its_notice_and_a_name_does_not(monkeypatch):
    monkeypatch.setattr(options.datasets, "load_auto", lambda data_dir: ("digits", "no MNIST"))
    monkeypatch.setattr(options.datasets, "load", lambda name, data_dir, **_: (name, data_dir))
    with command_line():
        assert options.load_data(None) == ("digits", "no MNIST")
    with command_line("--dataset=kmnist", "--data_dir=here"):
        assert options.load_data(None) == (("kmnist", "here"), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500steps", (500, "step")),
        ("1step", (1, "step")),
        ("2 epochs", (2, "epoch")),
        ("5seconds", (5, "second")),
        ("0", (0, "epoch")),
    ],
)
def test_intervals_are_steps_epochs_or_seconds(text, expected):
    with command_line(f"--checkpoint_every={text}"):
        assert flags.FLAGS.checkpoint_every == expected


@pytest.mark.parametrize("text", ["often", "5", "-1steps", "1.5epochs"])
def test_other_intervals_are_refused(text):
    with (
        pytest.raises(flags.IllegalFlagValueError, match=f"expected such as 500steps.*got {text}"),
        command_line(f"--checkpoint_every={text}"),
    ):
        pass


def test_a_resumed_run_keeps_its_settings():
    earlier = config_of(20, "--batch_size=7", "--optimizer=sgd")
    assert config_of(20, earlier=earlier) == earlier


def test_a_resumed_run_may_have_more_epochs_and_nothing_else():
    earlier = config_of(20, "--num_epochs=5")
    assert config_of(20, "--num_epochs=9", earlier=earlier)["num_epochs"] == 9
    with pytest.raises(ValueError, match="num_epochs: expected 5 or more, got 4"):
        config_of(20, "--num_epochs=4", earlier=earlier)
    message = r"needs the earlier run's settings; seed: expected 0, got 3; batch_size: .*20, got 2$"
    with pytest.raises(ValueError, match=message):
        config_of(20, "--seed=3", "--batch_size=2", earlier=earlier)


def test_what_a_run_leaves_is_the_earlier_runs_where_no_flag_says_otherwise():
    names = ("checkpoint_every", "keep", "plots")
    with command_line("--checkpoint_every=3 epochs", "--keep=2", "--noplots"):
        first = options.outputs(names, None)
    assert first == {"checkpoint_every": "3epochs", "keep": 2, "plots": False}
    with command_line("--keep=5"):
        assert options.outputs(names, {"outputs": first}) == {**first, "keep": 5}
    with command_line("--checkpoint_every=0"):
        never = options.outputs(names, {"outputs": first})
        assert options.interval(never["checkpoint_every"]) == (0, "epoch")
        assert options.outputs(names, {}) == {"checkpoint_every": "0", "keep": 3, "plots": True}


@pytest.mark.parametrize(
    "outputs",
    [[], {"keep": "x"}, {"keep": 0}, {"plots": "often"}, {"checkpoint_every": 5}, {"keep": None}],
)
def test_what_is_no_value_of_a_flag_in_an_earlier_config_is_refused(outputs):
    with (
        command_line(),
        pytest.raises(ValueError, match="config.json needs .* outputs"),
    ):
        options.outputs(("checkpoint_every", "keep", "plots"), {"outputs": outputs})


def test_early_stopping_needs_a_validation_set():
    with pytest.raises(ValueError, match="--patience needs a validation set"):
        config_of(20, "--patience=3")
