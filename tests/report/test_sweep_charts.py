import numpy as np
import pytest
from report_sweeps import subject

from experiments.report import sweep_charts


def test_curves_are_means_with_their_intervals_the_best_first(tmp_path):
    accuracy, loss = sweep_charts.curves(subject(tmp_path, num_seeds=2))["panels"]
    assert (accuracy["name"], accuracy["is_share"]) == ("test accuracy", True)
    assert (loss["name"], loss["is_share"]) == ("test loss", False)
    names = [each["name"].replace("\u00a0", " ") for each in accuracy["series"]]
    assert names == ["learning rate 0.1", "learning rate 0.01", "learning rate 0.001"]
    first = accuracy["series"][0]
    np.testing.assert_allclose(first["values"], [0.7005, 0.8005, 0.9005], atol=1e-5)
    np.testing.assert_allclose(
        first["high"], [0.7005 + 12.7062 * 0.0005, *first["high"][1:]], atol=1e-4
    )
    assert first["low"][0] < first["values"][0] < first["high"][0]
    np.testing.assert_allclose(loss["series"][0]["values"][-1], 0.0995, atol=1e-5)


def test_settings_beyond_the_colours_have_no_band(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_charts, "COLOURED", 1)
    monkeypatch.setattr(sweep_charts, "QUIET", 1)
    found = sweep_charts.curves(subject(tmp_path))
    series = found["panels"][0]["series"]
    assert [("low" in each) for each in series] == [True, False]
    assert found["note"].endswith("grey: the next 1 settings; 1 more are not drawn")


def test_one_seed_has_no_band(tmp_path):
    found = sweep_charts.curves(subject(tmp_path, num_seeds=1))
    assert "low" not in found["panels"][0]["series"][0]
    assert "no interval" in found["note"]


def test_an_axis_is_in_the_order_of_its_numbers(tmp_path):
    (panel,) = sweep_charts.axes(subject(tmp_path))["panels"]
    assert panel["name"] == "learning rate"
    assert panel["values"] == ["0.001", "0.01", "0.1"]
    assert panel["numbers"] == [0.001, 0.01, 0.1]
    assert panel["is_log"]
    (line,) = panel["series"]
    np.testing.assert_allclose(line["values"], [0.7035, 0.8035, 0.9035], atol=1e-4)
    assert line["name"] == "test accuracy"


@pytest.mark.parametrize(
    ("values", "numbers", "is_log"),
    [
        ((1, 2, 3), [1, 2, 3], False),
        ((0.0, 0.5, 50.0), None, True),
        (("relu", "tanh"), None, False),
    ],
)
def test_an_axis_is_to_scale_where_that_can_be(values, numbers, is_log, tmp_path):
    (panel,) = sweep_charts.axes(subject(tmp_path, axes={"some": values}))["panels"]
    assert (panel["numbers"], panel["is_log"]) == (numbers, is_log)


def test_a_line_for_each_setting_of_the_other_axes(tmp_path):
    axes = {"learning_rate": (0.1, 0.2), "activation": ("relu", "tanh")}
    rates, activations = sweep_charts.axes(subject(tmp_path, axes=axes))["panels"]
    assert [each["name"].replace("\u00a0", " ") for each in rates["series"]] == [
        "activation relu",
        "activation tanh",
    ]
    np.testing.assert_allclose(rates["series"][1]["values"], [0.8035, 0.6035], atol=1e-4)
    assert activations["values"] == ["relu", "tanh"]


def test_nothing_swept_but_seeds_has_no_axes(tmp_path):
    assert sweep_charts.axes(subject(tmp_path, axes={})) is None


def test_every_seed_has_its_dot(tmp_path):
    found = sweep_charts.seeds(subject(tmp_path, num_seeds=3, faults=[(2, 0)]))
    np.testing.assert_allclose(found["rows"][0]["values"], [0.9, 0.901, 0.902], atol=1e-5)
    np.testing.assert_allclose(found["rows"][0]["mean"], 0.901, atol=1e-5)
    assert found["rows"][2]["values"][0] is None
    assert found["rows"][2]["lost"] == "1 of 3 diverged"
    assert found["num_more"] == 0


def test_of_many_settings_the_best_have_dots(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep_charts, "DOTTED", 2)
    found = sweep_charts.seeds(subject(tmp_path))
    assert len(found["rows"]) == 2
    assert found["num_more"] == 1
