"""The catalogue is plain data that the sweep's own flags take."""

import pytest

from experiments.cited import asked
from experiments.cited.catalogue import (
    ABLATION,
    COMMANDS,
    PUBLISHED,
    Command,
    Step,
    each_once,
    line,
    merged,
    steps,
)

EVERY = each_once(COMMANDS, steps())


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY)
def test_every_command_is_one_of_the_sweep_over_named_seeds(command):
    given = asked.settings_of(command.flags)
    assert given.save_networks
    assert given.sweep == []
    assert given.dataset != "auto"
    assert any(flag.startswith(("--seeds=", "--preset=")) for flag in command.flags)
    assert command.id.isidentifier()
    assert line(command.flags).startswith("python -m experiments.sweep --")


def test_ids_and_rows_differ_and_the_readme_has_a_few():
    assert len({each.id for each in COMMANDS}) == len(COMMANDS)
    assert len({each.row for each in (*COMMANDS, *ABLATION)}) == len(COMMANDS) + len(ABLATION)
    assert 1 <= sum(each.is_first for each in COMMANDS) <= 5


@pytest.mark.parametrize("step", [each for each in ABLATION if each.same_as], ids=lambda s: s.name)
def test_a_step_that_another_command_serves_for_has_its_settings(step):
    own = next(each for each in steps() if each.id == step.same_as)
    served = next(each for each in COMMANDS if each.id == step.same_as)
    assert asked.decisive(own.flags) == asked.decisive(served.flags)


def test_each_step_has_the_flags_of_those_before():
    first, second, third = steps(
        [
            Step("one", "plain", ()),
            Step("two more", "+ two", ("--norm=batch", "--l2=1")),
            Step("three", "+ three", ("--l2=2",), same_as="best"),
        ],
        ("--dataset=mnist",),
    )
    assert first == Command(
        "ablation_one", ("--dataset=mnist",), "plain", "A step of the ablation: plain."
    )
    assert (second.id, second.flags) == (
        "ablation_two_more",
        ("--dataset=mnist", "--norm=batch", "--l2=1"),
    )
    assert (third.id, third.flags[2]) == ("best", "--l2=2")


def test_a_command_is_there_once_as_it_is_cited():
    own, same = (Command("a", flags, "", "") for flags in (("--l2=1",), ()))
    other = Command("b", (), "", "")
    assert list(each_once([own], [same, other]).items()) == [("a", own), ("b", other)]


def test_flags_of_a_name_take_the_place_of_earlier_ones():
    assert merged(["--a=1", "--b"], ["--a=2"]) == ("--a=2", "--b")


def test_what_others_published_is_in_order_and_as_they_say():
    figures = [each.accuracy for each in PUBLISHED]
    assert figures == [98.95, 99.05, 99.06, 99.20, 99.36, 99.43]
    names = ["Srivastava", "Srivastava", "Goodfellow", "Rasmus", "Miyato", "Rasmus"]
    assert all(name in each.source for name, each in zip(names, PUBLISHED, strict=True))
