import numpy as np
import pytest
from panels import extents, panel, ticks_of

from experiments.plots.scales import WIDTH
from experiments.plots.style import DPI
from experiments.plots.swept import places_below

NINE = [10.0**i for i in range(-9, 1)]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (
            NINE,
            ["1e-09", "1e-08", "1e-07", "1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"],
        ),
        ([1e-3, 3e-3], ["0.001", "0.003"]),
        ([1024, 64, 256], ["64", "256", "1024"]),
        ([0.000630957, 0.0251189], ["0.000631", "0.0251"]),
        ([0.12341, 0.12342], ["0.12341", "0.12342"]),
    ],
)
def test_values_that_have_room_are_the_ticks(values, texts):
    axes = panel()
    places = places_below(axes, "x_y", values)
    assert list(ticks_of(axes.xaxis).values()) == texts
    assert axes.get_xticks().tolist() == sorted(values)
    assert places.at.tolist() == values
    assert [values[i] for i in places.order] == sorted(values)
    assert axes.get_xlabel() == "x y"
    ends = extents(axes.xaxis)
    assert (ends[1:, 0] > ends[:-1, 1]).all()


@pytest.mark.parametrize(
    ("values", "least"),
    [(np.geomspace(1e-9, 1, 40), 5), (np.arange(40, 100), 4), (np.linspace(1, 20, 50), 4)],
)
def test_values_without_room_have_round_numbers_and_small_ticks(values, least):
    axes = panel()
    places_below(axes, "x", values.tolist())
    found = ticks_of(axes.xaxis)
    assert len(found) >= least
    assert all(len(text) <= 6 for text in found.values())
    marked = {*axes.get_xticks(minor=True), *axes.get_xticks()}
    assert marked == {*values.tolist(), *axes.get_xticks()}
    ends = extents(axes.xaxis)
    assert (ends[1:, 0] > ends[:-1, 1]).all()


def test_the_gap_is_between_the_closest_two():
    axes = panel()
    gap = places_below(axes, "x", [8.0, 1.0, 2.0]).gap
    ends = axes.transData.transform([(1, 0), (2, 0)])[:, 0] / DPI
    assert gap == pytest.approx(ends[1] - ends[0])
    assert places_below(panel(), "x", ["a", "b", "c", "d"]).gap == WIDTH / 4


def test_of_many_names_every_second_or_third_is_written():
    for count in (24, 25, 49, 73):
        axes, names = panel(), [f"n{i}" for i in range(count)]
        places_below(axes, "x", names)
        for place, text in ticks_of(axes.xaxis).items():
            assert text == names[int(place)]
        assert 12 < len(axes.get_xticks()) <= 24


def test_numbers_not_to_scale_are_in_order():
    axes = panel()
    places = places_below(axes, "x", [0.01, 0, 10])
    assert places.at.tolist() == [1, 0, 2]
    assert list(ticks_of(axes.xaxis).values()) == ["0", "0.01", "10"]


def test_names_are_turned_where_they_have_no_room():
    wide, narrow = panel(), panel()
    places_below(wide, "x", ["a picture that is turned", "b"])
    assert [label.get_rotation() for label in wide.get_xticklabels()] == [0, 0]
    assert list(ticks_of(wide.xaxis).values()) == ["a picture that\nis turned", "b"]
    places_below(narrow, "x", ["x" * 30] * 20)
    assert {label.get_rotation() for label in narrow.get_xticklabels()} == {25}
    assert set(ticks_of(narrow.xaxis).values()) == {"x" * 10 + "…" + "x" * 5}
