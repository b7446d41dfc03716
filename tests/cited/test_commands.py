"""Commands are put together of flags, and an ablation of the settings of a preset."""

from experiments.cited.catalogue import Command, Part
from experiments.cited.commands import Step, ablation, dataset_of, each_once, merged, steps


def test_parts_are_added_as_far_as_the_preset_has_them():
    parts = [
        Part("b", "+ b", ("norm", "vat")),
        Part("c", "+ c", ("l2", "l1")),
        Part("d", "", ("x",)),
    ]
    preset = {"l1": 0.5, "num_epochs": 3, "hidden_sizes": [8, 4], "vat": 1.0, "l2": 2}
    found = ablation(preset, parts, {"num_epochs": 3})
    assert [(each.name, each.flags, each.same_as) for each in found] == [
        ("plain", ("--num_epochs=3", "--hidden_sizes=8,4"), ""),
        ("b", ("--vat=1.0",), ""),
        ("c", ("--l2=2", "--l1=0.5"), "strong"),
    ]
    shorter = ablation(preset, parts, {"num_epochs": 2})
    assert shorter[0].flags == ("--num_epochs=2", "--hidden_sizes=8,4")
    assert shorter[-1] == found[-1]._replace(same_as="")  # no longer the preset's own command


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


def test_the_data_are_those_of_the_flag():
    assert dataset_of(Command("a", ("--l2=1", "--dataset=digits"), "", "")) == "digits"
