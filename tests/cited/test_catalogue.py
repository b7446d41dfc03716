"""The catalogue is plain data that the sweep's own flags take."""

import pytest

from experiments.cited import asked
from experiments.cited.catalogue import (
    COMMANDS,
    PUBLISHED,
    Command,
    Part,
    Step,
    ablation,
    each_once,
    line,
    merged,
    steps,
)

STEPS = ablation()
EVERY = each_once(COMMANDS, steps(STEPS))


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
    assert len({each.row for each in (*COMMANDS, *STEPS)}) == len(COMMANDS) + len(STEPS)
    assert 1 <= sum(each.is_first for each in COMMANDS) <= 5


def test_the_last_step_is_the_preset_itself():
    *others, last = steps(STEPS)
    (whole,) = [each for each in COMMANDS if each.id == last.id]
    assert last.id == "strong"
    assert asked.decisive(last.flags) == asked.decisive(whole.flags)
    assert not {each.id for each in others} & {each.id for each in COMMANDS}


def test_parts_are_added_as_far_as_the_preset_has_them():
    parts = [
        Part("b", "+ b", ("norm", "vat")),
        Part("c", "+ c", ("l2", "l1")),
        Part("d", "", ("x",)),
    ]
    found = ablation(
        {"l1": 0.5, "num_epochs": 3, "hidden_sizes": [8, 4], "vat": 1.0, "l2": 2}, parts
    )
    assert [(each.name, each.flags, each.same_as) for each in found] == [
        ("plain", ("--num_epochs=3", "--hidden_sizes=8,4"), ""),
        ("b", ("--vat=1.0",), ""),
        ("c", ("--l2=2", "--l1=0.5"), "strong"),
    ]


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
