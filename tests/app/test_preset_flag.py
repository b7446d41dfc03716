"""What a preset decides on a command line, what is said of it, and who is blamed for a mistake."""

import re

import pytest
from programs import command_line

from experiments import sweep
from experiments.app import preset_flag
from experiments.app.presets import PRESETS

assert sweep  # which has the flags of many networks


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(PRESETS, "quick", {"batch_size": 9, "norm": "batch", "plots": False})


@pytest.mark.parametrize(
    ("arguments", "holding", "said"),
    [
        ([], {}, ""),
        (["--batch_size=2"], {}, ""),
        (
            ["--preset=quick"],
            {"batch_size": 9, "norm": "batch", "plots": False},
            "preset quick: --batch_size=9 --norm=batch --noplots",
        ),
        (
            ["--plots", "--preset=quick", "--norm=none", "--l2=0.1"],
            {"batch_size": 9},
            "preset quick: --batch_size=9, overridden: --norm=none --plots",
        ),
        (
            ["--preset=quick", "--sweep=batch_size=9,8", "--sweep=l2=0,1", "--noplots"],
            {"batch_size": 9, "norm": "batch"},
            "preset quick: --norm=batch, overridden: --noplots --sweep=batch_size=9,8",
        ),
        (
            ["--preset=quick", "--batch_size=2", "--noplots", "--norm=layer"],
            {},
            "preset quick: overridden: --batch_size=2 --norm=layer --noplots",
        ),
    ],
)
def test_a_flag_that_is_given_holds_in_a_presets_place(arguments, holding, said):
    with command_line(*arguments):
        assert preset_flag.holding() == holding
        assert preset_flag.said() == said


@pytest.mark.parametrize(
    ("flag", "left"),
    [
        ("--schedule=cosine", {"b1": 0.8, "schedule": "warmup_linear"}),
        ("--schedule=warmup_constant", {"b1": 0.8, "warmup": 0.2}),
        ("--optimizer=sgd", {"schedule": "warmup_linear", "warmup": 0.2}),
        ("--optimizer=nadam", {"b1": 0.8, "schedule": "warmup_linear", "warmup": 0.2}),
        ("--sweep=schedule=constant, warmup_linear", {"b1": 0.8, "schedule": "warmup_linear"}),
        (
            "--sweep=schedule=warmup_linear, warmup_cosine",
            {"b1": 0.8, "schedule": "warmup_linear", "warmup": 0.2},
        ),
        ("--sweep=optimizer=sgd", {"schedule": "warmup_linear", "warmup": 0.2}),
    ],
)
def test_numbers_of_a_schedule_or_an_optimizer_go_with_it(monkeypatch, flag, left):
    preset = {"b1": 0.8, "schedule": "warmup_linear", "warmup": 0.2}
    monkeypatch.setitem(PRESETS, "quick", preset)
    with command_line("--preset=quick", flag):
        found = preset_flag.holding()
        assert found == {name: left[name] for name in left if f"--{name}" not in flag}


def test_what_is_swept_is_not_the_presets_to_blame():
    swept = command_line("--preset=quick", "--sweep=batch_size=9,100")
    with swept, pytest.raises(ValueError, match="got 100$"), preset_flag.blamed():
        raise ValueError("batch_size needs to be at most 50, got 100")


@pytest.mark.parametrize(
    ("values", "is_of_many"),
    [({"norm": "batch"}, False), ({"seeds": "0:2"}, True), ({"save_networks": True}, True)],
)
def test_a_preset_with_what_only_sweeps_have_is_of_many_networks(monkeypatch, values, is_of_many):
    monkeypatch.setitem(PRESETS, "quick", values)
    with command_line("--preset=quick", "--seeds=0:3", "--nosave_networks"):
        assert preset_flag.is_of_many() is is_of_many
    with command_line("--seeds=0:3"):
        assert not preset_flag.is_of_many()


def blame(message, *arguments):
    expected = re.escape(message)
    with (
        command_line(*arguments),
        pytest.raises(ValueError, match=expected) as found,
        preset_flag.blamed(),
    ):
        raise ValueError(message)
    return str(found.value)


def test_a_mistake_in_a_presets_settings_says_whose_they_are():
    for message in ("batch_size needs 8, got 9", "its settings; batch_size: expected 8, got 9"):
        found = blame(message, "--preset=quick")
        assert found == f"{message}; --batch_size=9 is of --preset=quick"
    found = blame("--norm needs this, got batch_size=9", "--preset=quick")
    assert found.endswith("; --batch_size=9 --norm=batch are of --preset=quick")


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("batch_size needs 8, got 9", []),
        ("batch_size needs 8, got 9", ["--preset=quick", "--batch_size=9"]),
        ("l2 needs 8, got 9", ["--preset=quick"]),
        ("my_batch_size needs 8; the norm of it, --norms", ["--preset=quick"]),
    ],
)
def test_nothing_is_said_of_a_preset_that_has_no_part_in_a_mistake(message, arguments):
    assert blame(message, *arguments) == message


def test_a_mistake_of_another_process_stays_as_it_is():
    error = ValueError("batch_size needs 8, got 9")
    error.exit_code = 75
    with (
        command_line("--preset=quick"),
        pytest.raises(ValueError, match="got 9$") as found,
        preset_flag.blamed(),
    ):
        raise error
    assert found.value is error


def test_one_seed_is_none_of_many():
    expected = "expected experiments.sweep --preset=ensemble --seeds=3, got --seed=3$"
    with (
        command_line("--preset=ensemble", "--seed=3"),
        pytest.raises(ValueError, match=expected),
    ):
        preset_flag.refuse_seed()
    with command_line("--preset=ensemble"):
        preset_flag.refuse_seed()
