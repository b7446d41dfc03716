import numpy as np
import pytest
from run_tables import random_runs, relu, runs_of

from experiments.plots.table import claim, interval_of, tabulate
from jaxmlp import Metric
from jaxmlp.statistics import summarize


def test_the_interval_is_that_of_the_statistics():
    runs = random_runs(3, 7, faults=[(1, 2)])
    expected = summarize(runs, "test_loss", interval="t")
    table = tabulate(runs, "test_loss")
    for row, summary in enumerate(expected):
        ours = table.mean[row], table.low[row], table.high[row]
        np.testing.assert_allclose(ours, (summary.mean, summary.low, summary.high), rtol=1e-9)


@pytest.mark.parametrize(
    "order",
    [
        ("seed", "width", "shuffle_seed"),
        ("shuffle_seed", "seed"),
        ("noise_seed", "shuffle_seed", "width", "seed"),
        ("noise_seed", "shuffle_seed"),
        ("width", "noise_seed"),
    ],
)
def test_a_seed_is_the_mean_over_its_other_seeds(order):
    sizes = {"seed": 4, "width": 3, "shuffle_seed": 2, "noise_seed": 3}
    axes = {name: range(sizes[name]) for name in order}
    values = np.random.default_rng(0).random((*(sizes[name] for name in order), 2))
    runs = runs_of(axes, values, faults=[tuple(0 for _ in order)])
    table = tabulate(runs, "test_loss")
    expected = summarize(runs, "test_loss", interval="t")
    np.testing.assert_allclose(table.mean, [each.mean for each in expected])
    np.testing.assert_allclose(table.high, [each.high for each in expected])
    finals = interval_of("test_loss", table.history[..., -1])
    np.testing.assert_allclose(finals[0], table.mean)


def test_a_single_seed_is_shown_by_its_other_seeds():
    axes = {"seed": (0,), "shuffle_seed": range(2), "noise_seed": range(3)}
    table = tabulate(runs_of(axes, [[[[1.0], [2.0], [6.0]], [[3.0], [3.0], [3.0]]]]), "test_loss")
    assert table.finals.tolist() == [[3, 3]]
    assert table.members.tolist() == [[1, 2, 6, 3, 3, 3]]
    table = tabulate(runs_of({"seed": (0,), "noise_seed": (0, 1)}, [[[1.0], [2.0]]]), "test_loss")
    assert table.finals.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("stopped_at", "faults", "expected"),
    [
        ([3, 3], [], ""),
        ([0, 3], [(0,)], "1 of 2 diverged"),
        ([1, 3], [], "members ended after 1 to 3 epochs"),
        ([1, 3], [(1,)], "1 of 2 diverged, members ended after 1 to 3 epochs"),
    ],
)
def test_members_of_other_lengths_are_told_of(stopped_at, faults, expected):
    runs = runs_of({"seed": (0, 1)}, np.ones(3), faults=faults)
    assert tabulate(runs._replace(stopped_at=np.int32(stopped_at)), "test_loss").lost == expected


def test_intervals_of_shares_end_at_0_and_100_and_others_do_not():
    values = [[[0.9], [1.0], [1.0]], [[0.0], [0.0], [0.1]]]
    axes = {"w": (1, 2), "seed": range(3)}
    table = tabulate(runs_of(axes, values, "test_accuracy"), "test_accuracy")
    np.testing.assert_allclose(table.mean, [290 / 3, 10 / 3], rtol=1e-6)
    half = 4.302653 * 10 / 3  # Student's t with 2 degrees of freedom, times the error
    np.testing.assert_allclose(table.low, [290 / 3 - half, 0], rtol=1e-5)
    np.testing.assert_allclose(table.high, [100, 10 / 3 + half], rtol=1e-5)
    table = tabulate(runs_of(axes, np.multiply(values, 100)), "test_loss")
    np.testing.assert_allclose(table.high, [290 / 3 + half, 10 / 3 + half], rtol=1e-5)
    np.testing.assert_allclose(table.low, [290 / 3 - half, 10 / 3 - half], rtol=1e-5)


def test_less_loss_ranks_first_and_more_accuracy_and_no_value_last():
    values = [[[0.2]], [[np.nan]], [[0.1]], [[0.3]]]
    for metric, order in (("test_loss", [2, 0, 3, 1]), ("test_accuracy", [3, 0, 2, 1])):
        runs = runs_of({"w": range(4), "seed": (0,)}, values, metric)
        assert tabulate(runs, metric).ranking.tolist() == order


def test_a_record_decides_over_the_name_of_its_column():
    values = [[[0.2]], [[0.1]], [[0.3]]]
    runs = runs_of({"w": range(3), "seed": (0,)}, values, "test_hits", test_accuracy=values)
    told = Metric("hits", is_share=True), Metric("accuracy", higher_is_better=False)
    runs = runs._replace(metrics=told)
    hits, odd = tabulate(runs, "test_hits"), tabulate(runs, "test_accuracy")
    np.testing.assert_allclose(hits.mean, [20, 10, 30], rtol=1e-6)
    np.testing.assert_allclose(odd.mean, [0.2, 0.1, 0.3], rtol=1e-6)
    assert hits.metric == Metric("test_hits", is_share=True)
    assert (hits.ranking.tolist(), odd.ranking.tolist()) == ([2, 0, 1], [1, 0, 2])
    ends = interval_of(hits.metric, np.array([[99.0, 100.0, 100.0]]))
    assert ends[2] == 100
    assert interval_of(odd.metric, np.array([[99.0, 100.0, 100.0]]))[2] > 100


def test_settings_are_named_by_what_differs():
    axes = {
        "learning_rate": (0.1, 0.01),
        "layers": (2,),
        "seed": (0,),
        "activation": (relu, "tanh"),
    }
    table = tabulate(runs_of(axes, np.ones(1)), "test_loss")
    assert [name.replace("\xa0", " ") for name in table.names] == [
        "learning rate 0.1, activation relu",
        "learning rate 0.1, activation tanh",
        "learning rate 0.01, activation relu",
        "learning rate 0.01, activation tanh",
    ]
    assert table.fixed == "layers\xa02"
    assert list(table.swept) == ["learning_rate", "activation"]


def test_folds_are_observed_and_their_interval_knows_what_they_share():
    axes = {"width": (8, 16), "fold": range(4), "seed": range(3)}
    values = np.random.default_rng(0).random((2, 4, 3, 2))
    runs = runs_of(axes, values)
    table = tabulate(runs, "test_loss")
    assert (table.observed, table.overlap, table.finals.shape) == ("fold", 1 / 3, (2, 4))
    expected = summarize(runs, "test_loss", interval="t")
    np.testing.assert_allclose(table.low, [each.low for each in expected])
    assert table.names == ["width\u00a08", "width\u00a016"]
    said = claim(table, "line: the mean", "band")
    assert said.startswith(
        "line: the mean over 4 folds, each the mean of its 3 members; band: 95 %"
    )
    assert said.endswith("(Student's t, for folds that share examples)")
    assert tabulate(runs.select(fold=1), "test_loss").observed == "seed"
