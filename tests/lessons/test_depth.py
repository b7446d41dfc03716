import numpy as np
import pytest
from lesson_claims import held

import jaxmlp
from experiments.lessons import depth
from jaxmlp.nn.activations import identity

SMALL = {"seeds": 4, "layers": 2}


@pytest.fixture(scope="module")
def trained():
    """What `train_many` returns in `outcome`, for the tests that change what comes after it."""
    return {}


@pytest.fixture(scope="module")
def outcome(trained):
    def train_many(*args, **kwargs):
        trained["runs"] = real(*args, **kwargs)
        return trained["runs"]

    real = jaxmlp.train_many
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxmlp, "train_many", train_many)
        return depth.teach(**SMALL)


@pytest.fixture
def again(monkeypatch, trained, outcome):
    """Teaches the networks of `outcome` again, without training or drawing them."""
    monkeypatch.setattr(jaxmlp, "train_many", lambda *_, **__: trained["runs"])
    monkeypatch.setattr(depth, "draw", lambda *_: outcome.picture)
    return lambda: held(depth.teach(**SMALL))


def test_a_linear_stack_is_one_layer_and_one_with_relu_is_more(outcome):
    assert held(outcome) == [True, True, True, True]
    assert outcome.figures["product"] < 1e-6
    linear, bent = (outcome.figures["accuracy"][kind] for kind in ("linear", "ReLU"))
    assert linear[0] == bent[0]  # without a hidden layer there is nothing to bend
    points = outcome.figures["gain"]["ReLU"]
    assert 100 * (bent[1].mean - bent[0].mean) == pytest.approx(points.mean)
    assert f"gain {points.text('.1f')} points" in outcome.claims[3].text
    assert outcome.tables["accuracy"].columns == ["layers", "linear", "ReLU"]
    assert [row[0] for row in outcome.tables["accuracy"].rows] == [1, 2]
    assert outcome.tables["accuracy"].rows[1] == [2, linear[1].text(".1%"), bent[1].text(".1%")]


def test_a_stack_is_multiplied_out_as_by_hand():
    first = jaxmlp.Dense(np.array([[1.0, 2.0]]), np.array([1.0, -1.0]))
    second = jaxmlp.Dense(np.array([[3.0], [4.0]]), np.array([0.5]))
    kernel, bias = depth.collapse((first, second))
    assert kernel.tolist() == [[11.0]]  # 1 * 3 + 2 * 4
    assert bias.tolist() == [-0.5]  # 1 * 3 - 1 * 4 + 0.5


def test_the_nearest_layer_is_the_one_that_made_the_outputs():
    inputs = np.random.default_rng(0).normal(size=(20, 3))
    kernel = np.array([[1.0], [2.0], [-1.0]])
    found, bias = depth.nearest(inputs, inputs @ kernel + 0.5)
    np.testing.assert_allclose(found, kernel, atol=1e-12)
    np.testing.assert_allclose(bias, [0.5], atol=1e-12)


def test_the_rank_is_that_of_the_narrowest_layer(outcome):
    singular = outcome.picture.axes[5].lines[0].get_ydata()
    assert (singular > 1e-10).sum() == 4
    assert np.linalg.matrix_rank(outcome.picture.axes[4].images[0].get_array()) == 4


def test_the_picture_has_the_kernels_and_both_kinds(outcome):
    axes = outcome.picture.axes
    sizes = ["64 × 32", "32 × 4", "4 × 32", "32 × 10", "their product"]
    assert [panel.get_title() for panel in axes[:5]] == sizes
    linear, bent = (line.get_ydata() for line in axes[6].lines)
    assert linear.max() < 1e-6 < 0.1 < bent.min()
    labels = {line.get_label(): line.get_ydata()[-1] for line in axes[7].lines}
    assert labels["ReLU"] > labels["linear"] > 50


def test_claims_fail_where_no_bend_is_in_the_networks(monkeypatch, again, trained):
    runs, mlp = trained["runs"], jaxmlp.mlp
    linear = runs.select(activation=identity)
    twice = {name: np.stack([values, values]) for name, values in linear.history.items()}
    places = np.stack([linear.places, linear.places])
    monkeypatch.setitem(trained, "runs", runs._replace(history=twice, places=places))
    monkeypatch.setattr(jaxmlp, "mlp", lambda sizes, *_: mlp(sizes, identity))
    assert again() == [True, True, False, False]


def test_claims_fail_where_a_bias_is_left_out(monkeypatch, again):
    def broken(params):
        return collapse(params)[0], np.zeros(1)

    collapse = depth.collapse
    monkeypatch.setattr(depth, "collapse", broken)
    assert again() == [False, True, True, True]


def test_claims_fail_where_the_rank_is_higher(monkeypatch, again):
    monkeypatch.setattr(np.linalg, "svd", lambda kernel: (None, np.ones(10)))
    assert again() == [True, False, True, True]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"layers": 1}, "--layers needs at least 2, got 1"),
        ({"narrow": 10}, "--narrow needs at most 9, got 10"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        depth.teach(**{**SMALL, **wrong})
