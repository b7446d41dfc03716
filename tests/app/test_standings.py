"""What a sweep says of its settings on the screen, on results made up for it."""

import io
import re

import numpy as np
import pytest
from rich.console import Console
from run_tables import made_up

import jaxmlp
from experiments.app import standings
from jaxmlp import statistics

SUMMARY = {"network_epochs_per_second": 0.0}


def concluded(runs, rows, width=80, is_terminal=False, verdicts=None):
    """The screen."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=is_terminal, color_system=None)
    p_values = standings.against_best(runs, "test_accuracy", rows)
    settings = [{"verdict": verdict} for verdict in verdicts or [{}] * len(rows)]
    summary = {**SUMMARY, "settings": settings}
    standings.conclude(console, "here", "test_accuracy", runs, rows, p_values, summary)
    return out.getvalue()


WIDE = {
    "learning_rate": (0.011, 0.012),
    "l2": (0.001, 0.002),
    **{f"kernel_stddev_{number}": (f"{number}.123456",) for number in range(10)},
    "hidden_sizes": ((8,) * 9,),
}


@pytest.mark.parametrize("width", [20, 40, 80, 300])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_swept_values_are_whole_at_any_width_however_many(width, is_terminal):
    accuracies = np.random.default_rng(0).random((2, 2, *[1] * 11, 3))
    text = concluded(*made_up(accuracies, **WIDE), width, is_terminal)
    table = text[text.index("at each network's end") :].split("no p:")[0]
    assert "…" not in table
    words = re.split(r"[\s,]+", table)
    for word in ("0.011", "0.012", "0.001", "0.002"):
        assert words.count(word) == 2
    for number in range(10):
        assert words.count(f"{number}.123456") == 4
    assert words.count("x".join("8" * 9)) == 4
    rows = [line for line in table.splitlines() if re.search(r"\.\d\d %", line)]
    assert len(rows) == 4
    if not is_terminal:
        assert all("x".join("8" * 9) in row for row in rows)  # a line a setting
    if is_terminal and width >= 80:
        assert max(map(len, table.splitlines())) <= width


@pytest.mark.parametrize(("seeds", "shows"), [(3, False), (6, False), (7, True), (20, True)])
def test_p_is_shown_where_it_can_show_something(seeds, shows):
    accuracies = np.random.default_rng(0).random((3, seeds)) + np.c_[:3] / 3
    runs, rows = made_up(accuracies, activation=("relu", "tanh", "sigmoid"))
    text = concluded(runs, rows)
    head = next(line for line in text.splitlines() if "interval" in line)
    assert (" p " in head) == shows
    p_values = standings.against_best(runs, "test_accuracy", rows)
    is_shown = [f" {p:.2g} " in text for p in p_values if p == p and p < 1]
    assert not shows or is_shown == [True] * len(is_shown) != []
    assert ("\np: of the lag behind the first" in text) == shows
    least = 3 * 2.0 ** (1 - seeds)
    reason = (
        f"no p: that of {seeds} seeds cannot be less than {least:.2g}, corrected for all pairs of "
        "settings; with 7 it can be less than 0.05\n"
    )
    assert (reason in text) == (not shows)
    assert ("with so few seeds it cannot be less than 0.047" in text) == (seeds == 7)


def test_p_values_are_corrected_for_all_pairs():
    accuracies = [[0.9] * 8, [0.5] * 8, [0.6] * 8, [0.1] * 8]
    runs, rows = made_up(accuracies, activation=("relu", "tanh", "elu", "sigmoid"))
    best, *others = standings.against_best(runs, "test_accuracy", rows)
    assert np.isnan(best)
    assert others == pytest.approx([4 * 3 / 2 * 2 / 2**8] * 3)
    assert standings.least_p_value(4, 8) == pytest.approx(others[0])


def test_the_best_comes_first_with_its_figures():
    accuracies = [[0.1, 0.3], [0.9, 0.7], [0.5, 0.5]]
    text = concluded(*made_up(accuracies, activation=("relu", "tanh", "elu")))
    rows = [line.split() for line in text.splitlines() if re.search(r"\.\d\d %", line)]
    assert [row[0] for row in rows] == ["tanh", "elu", "relu"]
    assert rows[0][1:3] == ["80.00", "%"]
    assert rows[2][-2:] == ["1", "2"]  # epochs, networks


def test_settings_of_no_use_are_named():
    runs, rows = made_up([[0.1, 0.3], [0.9, 0.7]], learning_rate=(0.1, 1e4))
    text = concluded(runs, rows, verdicts=[{}, {"worse than it began": 2}])
    assert "learning_rate=10000: 2 of 2 ENDED WORSE THAN IT BEGAN\n" in text
    assert text.count("ENDED") == 1


def test_shares_go_by_their_record():
    runs, rows = made_up([[0.0, 0.9, 0.9]])
    told = runs._replace(metrics=(jaxmlp.Metric("accuracy"),))
    assert "to 100.00 %" in concluded(runs, rows)
    assert "%  " not in concluded(told, rows).split("networks")[1]
    assert "to 1.8" in concluded(told, rows)  # no end at 1


CROSSED = np.array([[0.9, 0.7, 0.8], [0.9, 0.7, 0.8]])  # (noise seeds, seeds)


def test_the_variance_is_said_of_its_metric_and_setting():
    sole = concluded(*made_up(CROSSED, noise_seed=(0, 1)))
    shares = "initialization 100 %, noise 0 %, interaction 0 %\n"
    assert f"\nvariance of the test accuracy: {shares}" in sole
    both = concluded(*made_up([CROSSED - 0.5, CROSSED], dropout=(0.0, 0.3), noise_seed=(0, 1)))
    assert f"\nvariance of the test accuracy at dropout=0.3: {shares}" in both


def test_nothing_is_said_of_a_variance_of_nothing():
    for value in (0.7, 0.9):  # whose means differ from them by rounding
        equal = [np.full((3, 3), value), np.full((3, 3), value - 0.1)]
        found = made_up(equal, dropout=(0.0, 0.3), noise_seed=(0, 1, 2))
        assert "variance" not in concluded(*found)
    runs, rows = made_up(CROSSED, noise_seed=(0, 1))
    runs.history["test_accuracy"][0, 0] = np.nan
    assert "variance" not in concluded(runs, rows)
    assert "variance" not in concluded(*made_up([[0.9, 0.7, 0.8]], noise_seed=(0,)))


def test_crossed_networks_are_counted_and_their_means_explained():
    runs, rows = made_up([CROSSED, CROSSED - 0.5], dropout=(0.0, 0.3), noise_seed=(0, 1))
    text = concluded(runs, rows, verdicts=[{}, {"worse than it began": 5}])
    table = [line.split() for line in text.splitlines() if re.search(r"\.\d\d %", line)]
    assert [row[-1] for row in table] == ["6", "6"]
    assert "mean, interval and std: over 3 seeds, each the mean of its 2 networks\n" in text
    assert "dropout=0.3: 5 of 6 ENDED" in text
    fault = jaxmlp.Fault(3, 1, "loss", "layer_0", "")
    failed = runs._replace(faults={(0, 1, 0): fault, (0, 0, 0): fault})
    rows = statistics.summarize(failed, "test_accuracy", interval="t")
    assert " 6, 2 diverged" in concluded(failed, rows)


def test_networks_that_share_nothing_have_no_mean_of_their_own():
    assert "each the mean" not in concluded(*made_up([[0.1, 0.3], [0.9, 0.7]], dropout=(0, 0.3)))
    orders = np.moveaxis(np.float32([CROSSED]), 0, -1)  # 3 data orders and 2 noises of a seed
    text = concluded(*made_up(orders, noise_seed=(0, 1), shuffle_seed=(0, 1, 2)))
    assert "over 3 shuffle seeds, each the mean of its 2 networks" in text


def test_folds_are_judged_by_the_test_that_is_theirs():
    accuracies = (
        np.random.default_rng(0).random((2, 5, 3)) / 9 + np.float64([0.2, 0.8])[:, None, None]
    )
    runs, rows = made_up(accuracies, l2=(0.1, 0.2), fold=tuple(range(5)))
    text = concluded(runs, rows, 200)
    assert "over folds" in text
    assert "by the t-test of Nadeau and Bengio (2003) over the folds" in text
    assert "mean, interval and std: over 5 folds, each the mean of its 3 networks" in text
    p_value = statistics.compare(runs, {"l2": 0.1}, {"l2": 0.2}, "test_accuracy").p_value
    assert f"{p_value:.2g}" in text
    assert "fold" in text[text.index("variance of the test accuracy") :]
