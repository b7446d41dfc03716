import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from panels import extents, panel, ticks_of

from experiments.plots.scales import Scale, epochs_below, scale_of, set_scale

FINITE = st.floats(-(2.0**120), 2.0**120, width=32)
SHARES = st.floats(0, 100, width=32, allow_subnormal=False)


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


def test_intervals_are_held_up_to_eight_times_the_width_of_what_is_shown():
    shown = np.array([2.0, 4.0])
    held = scale_of("loss", shown, np.array([-4.0, 12.0]))
    assert held[:2] == pytest.approx((-4.8, 12.8))
    assert [each.tolist() for each in held.left([-4, 3], [3, 12])] == [[False] * 2] * 2
    cut = scale_of("loss", shown, np.array([-4.1, 12.0]))
    assert cut[:2] == pytest.approx((0.8, 5.2))
    assert [each.tolist() for each in cut.left([-4.1, 3], [3, 12])] == [
        [True, False],
        [False, True],
    ]
    whole = scale_of("loss", shown, np.array([-400.0, 12.0]), most=np.inf)
    assert whole.low < -400
    assert scale_of("loss", np.array([1.0, 100.0]), np.array([-1.0, 101.0])).low > 0


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


@pytest.mark.parametrize(("last", "limits"), [(1, (0.5, 1.5)), (7, (1, 7)), (300, (1, 300))])
def test_epochs_are_whole(last, limits):
    axes = panel()
    epochs_below(axes, last)
    assert axes.get_xlim() == limits
    assert all(tick == int(tick) for tick in axes.get_xticks())
    assert axes.get_xlabel() == "epoch"
