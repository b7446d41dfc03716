"""Each preset is what flags could say, and the help says it so."""

import dataclasses

import pytest
from absl import flags
from programs import command_line

from experiments import sweep
from experiments.app import config, usage
from experiments.app.fields import OUTPUT, RESULT, SWEEP, SWEEP_OUTPUT
from experiments.app.presets import PRESETS, as_flags, help_text
from experiments.app.settings import ABOUT, names_of
from experiments.folder import schema
from experiments.folder.files import as_written

assert sweep  # which has the flags of many networks


def check(values):
    """Sees whether flags could say the same, and a record hold it."""
    assert values.keys() <= {*names_of(RESULT, OUTPUT, SWEEP, SWEEP_OUTPUT)}
    for name, value in values.items():
        schema.check(as_written({name: value})[name], ABOUT[name].schema, name)
    with command_line(*as_flags(values).split()):
        typed = dataclasses.asdict(config.read())
    assert {name: repr(typed[name]) for name in values} == {n: repr(v) for n, v in values.items()}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_flags_could_say(name):
    check(PRESETS[name])


@pytest.mark.parametrize(
    "values",
    [
        {"learning_rat": 1e-2},
        {"dataset": "mnist"},
        {"workdir": "runs/here"},
        {"batch_size": 0},
        {"batch_size": 128.0},
        {"learning_rate": "0.01"},
        {"hidden_sizes": (256,)},
        {"norm": "bach"},
        {"plots": "no"},
        {"dropout": 1.5},
    ],
)
def test_a_preset_that_no_flags_could_say_is_seen(values):
    with pytest.raises((AssertionError, ValueError, SystemExit)):
        check(values)


def test_the_names_are_those_of_the_guide():
    assert list(PRESETS) == ["quick", "strong", "ensemble"]
    assert PRESETS["ensemble"] == {"seeds": "0:16", "save_networks": True}


def test_the_help_says_what_each_sets_in_lines_of_its_own(monkeypatch):
    monkeypatch.setattr(flags.FLAGS["preset"], "help", "One.\na: --x=1 --y=2\nb: --z=3")
    said = usage.text("Two.", [flags.FLAGS["preset"]], 30)
    assert said.endswith(
        "  --preset\n"
        "      One. [one of quick,\n      strong, ensemble]\n"
        "        a: --x=1 --y=2\n        b: --z=3"
    )
    narrow = usage.text("Two.", [flags.FLAGS["preset"]], 20)
    assert narrow.endswith("        a: --x=1\n            --y=2\n        b: --z=3")


def test_the_help_is_of_the_presets_as_they_are(monkeypatch):
    monkeypatch.setitem(PRESETS, "quick", {"hidden_sizes": [64, 32], "plots": False})
    first, quick, *others = help_text().splitlines()
    assert first == "Settings that go together; a flag that is given holds in its place."
    assert quick == "quick: --hidden_sizes=64,32 --noplots"
    assert [line.partition(":")[0] for line in others] == ["strong", "ensemble"]
