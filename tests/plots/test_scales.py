import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from experiments.plots import scales
from experiments.plots.scales import Scale, places_below, scale_of, set_scale
from experiments.plots.style import DPI, STYLE, text_width

FINITE = st.floats(-(2.0**120), 2.0**120, width=32)
SHARES = st.floats(0, 100, width=32, allow_subnormal=False)


def panel(high=2.7):
    """Axes of this height in inches, and of the width of those of all pictures."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((7, 4), DPI)
        axes = figure.add_axes((0.7 / 7, 0.1, scales.WIDTH / 7, high / 4))
        axes.plot([1, 1], [1, 1])
    return axes


def ticks_of(axis):
    """Where ticks are, with what is written at them."""
    axis.figure.draw_without_rendering()
    texts = [label.get_text() for label in axis.get_ticklabels()]
    return dict(zip(axis.get_majorticklocs().tolist(), texts, strict=True))


def extents(axis):
    """The ends of what is written at an axis' ticks, one after the other, in pixels."""
    axis.figure.draw_without_rendering()
    side = "x" if axis.axis_name == "x" else "y"
    boxes = [label.get_window_extent() for label in axis.get_ticklabels() if label.get_text()]
    return np.array(sorted((getattr(b, f"{side}0"), getattr(b, f"{side}1")) for b in boxes))


@given(st.lists(SHARES, max_size=5), st.lists(SHARES, max_size=5))
def test_shares_have_no_tick_beyond_0_and_100_and_all_values_in_the_frame(shown, bounds):
    scale = scale_of("test_accuracy", np.array(shown), np.array(bounds))
    assert not scale.is_log
    assert -6 <= scale.low < scale.high <= 106
    assert all(scale.low <= value <= scale.high for value in shown)
    axes = panel()
    set_scale(axes, "y", scale, 0.68)
    ticks = axes.get_yticks()
    assert 2 <= len(ticks) <= 10
    assert ticks.min() >= 0
    assert ticks.max() <= 100


@given(st.lists(FINITE, min_size=1, max_size=5), st.lists(FINITE, max_size=5))
def test_values_of_any_size_have_a_scale_with_texts_that_fit(shown, bounds):
    scale = scale_of("loss", np.array(shown), np.array(bounds))
    assert all(scale.low <= value <= scale.high for value in shown)
    assert np.all((scale.along(shown) >= 0) & (scale.along(shown) <= 1))
    assert scale.is_log == (min(shown) > 0 and max(shown) > 10 * min(shown))
    axes = panel()
    set_scale(axes, "y", scale, 0.68)
    found = ticks_of(axes.yaxis)
    assert 2 <= len(found) <= 14
    assert len(set(found.values())) == len(found)
    for place, text in found.items():
        assert float(text) == pytest.approx(place, rel=1e-8, abs=1e-8 * (scale.high - scale.low))


def test_wide_intervals_take_as_much_room_again_as_values():
    bounds = np.array([-1e9, 1e9])
    scale = scale_of("loss", np.array([2.0, 4.0]), bounds)
    assert (scale.low, scale.high) == pytest.approx((0.8, 5.2))
    assert scale_of("loss", np.array([2.0, 4.0]))[:2] == pytest.approx((1.9, 4.1))
    wide = scale_of("loss", np.array([1.0, 100.0]), bounds)
    assert wide.low == pytest.approx(10**-1.2)
    assert wide.high == pytest.approx(10**3.2)
    assert wide.cut(np.array([-5.0, 3.0])).tolist() == [wide.low, 3]
    assert scale.cut(np.array([-5.0, 3.0])).tolist() == [-5, 3]


def test_nothing_finite_has_a_scale_and_says_so():
    for metric, high in (("accuracy", 100), ("loss", 1)):
        assert scale_of(metric, np.array([np.nan, np.inf])) == (0, high, False)
    axes = panel()
    axes.lines[0].set_ydata([np.nan, np.nan])
    set_scale(axes, "y", Scale(0, 1, False), 0.68)
    assert [text.get_text() for text in axes.texts] == ["no finite value"]
    assert not len(axes.get_yticks())


@pytest.mark.parametrize(("high", "least"), [(2.7, 9), (1.6, 5)])
def test_nine_decades_have_enough_labels_and_none_touches_another(high, least):
    axes = panel(high)
    set_scale(axes, "y", Scale(0.9e-9, 1.1, True), 0.68)
    assert len(ticks_of(axes.yaxis)) >= least
    ends = extents(axes.yaxis)
    assert (ends[1:, 0] > ends[:-1, 1]).all()


def test_texts_that_are_too_long_are_smaller():
    axes = panel()
    set_scale(axes, "y", Scale(0.9999999, 0.99999993, False), 0.68)
    assert min(len(text) for text in ticks_of(axes.yaxis).values()) == 10
    assert all(label.get_window_extent().x0 > 0 for label in axes.get_yticklabels())


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
    assert places_below(panel(), "x", ["a", "b", "c", "d"]).gap == scales.WIDTH / 4


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


@pytest.mark.parametrize(("last", "limits"), [(1, (0.5, 1.5)), (7, (1, 7)), (300, (1, 300))])
def test_epochs_are_whole(last, limits):
    axes = panel()
    scales.epochs_below(axes, last)
    assert axes.get_xlim() == limits
    assert all(tick == int(tick) for tick in axes.get_xticks())
    assert axes.get_xlabel() == "epoch"


def test_tall_names_say_how_high_they_are():
    texts, style, high = scales.values_below(["a picture that is turned", "b"])
    assert (texts[1], style) == ("b", {})
    assert high == 0.15 * (texts[0].count("\n") + 1)
    texts, style, high = scales.values_below(["x" * 30] * 20)
    assert style["rotation"] == 25
    assert high > text_width(texts[0], 7) * np.sin(np.radians(25))
