import numpy as np
import pytest
from lesson_claims import covered, held
from sklearn.linear_model import LinearRegression

from experiments.lessons import regression


@pytest.fixture(scope="module")
def outcome():
    return regression.teach()


@pytest.fixture(scope="module")
def tables():
    return regression.load()


def test_a_line_by_sgd_is_that_of_the_closed_form_and_a_network_is_no_better(outcome):
    assert held(outcome) == [True, True, True]
    apart, ahead = outcome.figures["apart"], outcome.figures["ahead"]
    assert 0.002 < apart["made"].mean < 0.03 < apart["diabetes"].mean < 0.15
    assert ahead["made"][1] < ahead["made"][0] < ahead["made"][2] < 0
    assert [row[:2] for row in outcome.tables["r2"].rows] == [
        ["made", "train"],
        ["made", "test"],
        ["diabetes", "train"],
        ["diabetes", "test"],
    ]


def test_the_table_has_what_scikit_learn_finds(outcome, tables):
    for row in outcome.tables["r2"].rows:
        data = tables[row[0]]
        model = LinearRegression().fit(data.train_inputs, data.train_labels)
        assert row[2] == f"{model.score(*data.sets()[row[1]]):.3f}"
    line, network = (float(outcome.tables["r2"].rows[2][column].split()[0]) for column in (3, 4))
    assert line == pytest.approx(0.521, abs=0.01)
    assert network > 0.55  # it learns diabetes' training set better, and that by heart


def test_the_picture_has_both_kinds_by_their_names(outcome, tables):
    assert outcome.tables["r2"].columns[2:] == ["closed form", "linear, SGD", "network, SGD"]
    for i, (name, data) in enumerate(tables.items()):
        curves, predicted, left = outcome.picture.axes[3 * i : 3 * i + 3]
        assert curves.get_title().startswith(name)
        ends = {line.get_label(): line.get_ydata()[-1] for line in curves.lines}
        for part, row in zip(("train", "test"), outcome.tables["r2"].rows[2 * i :], strict=False):
            assert ends[f"linear, {part}"] == pytest.approx(float(row[3].split()[0]), abs=6e-4)
            assert ends[f"network, {part}"] == pytest.approx(float(row[4].split()[0]), abs=6e-4)
        oracle = LinearRegression().fit(data.train_inputs, data.train_labels)
        dots = {each.get_label(): np.array(each.get_offsets()).T for each in predicted.collections}
        assert list(dots) == ["linear", "network"]
        for kind, residuals in zip(dots, left.collections, strict=True):
            target, found = dots[kind]
            np.testing.assert_allclose(target, data.test_labels, rtol=1e-6)
            expected = np.array([found, target - found])
            np.testing.assert_allclose(np.array(residuals.get_offsets()).T, expected, rtol=1e-4)
        off = [abs(each[1] - oracle.predict(data.test_inputs)).mean() for each in dots.values()]
        assert off[0] < off[1] / 2
        assert not covered(curves)
        assert not covered(predicted)


def test_the_closed_form_is_scikit_learns(tables):
    data = tables["diabetes"]
    oracle = LinearRegression().fit(data.train_inputs, data.train_labels)
    ((kernel, bias),) = regression.closed_form(data)
    np.testing.assert_allclose(kernel[:, 0], oracle.coef_, rtol=1e-3)
    np.testing.assert_allclose(bias, oracle.intercept_, rtol=1e-3)


def test_every_fifth_is_for_testing_and_scales_are_those_of_the_rest(tables):
    for data in tables.values():
        assert (data.train_inputs.shape, data.test_inputs.shape) == ((354, 10), (88, 10))
        made = regression.recipe(data, ()).model.architecture
        np.testing.assert_allclose(made.input_scaling.mean, data.train_inputs.mean(0), rtol=1e-4)
        np.testing.assert_allclose(made.output_scaling.scale, data.train_labels.std(), rtol=1e-4)


def test_claims_fail_where_the_line_is_another_and_the_network_ahead(monkeypatch, outcome):
    compare, said = regression.compare, regression.said
    monkeypatch.setattr(regression, "compare", lambda runs, a, b, name: compare(runs, b, a, name))
    monkeypatch.setattr(regression, "said", lambda *given: said(*given) / 2)
    monkeypatch.setattr(regression, "draw", lambda *_: None)
    assert held(regression.teach()) == [False, False, False]


def test_one_seed_has_no_interval():
    with pytest.raises(ValueError, match="--seeds needs at least 2, got 1"):
        regression.teach(seeds=1)
