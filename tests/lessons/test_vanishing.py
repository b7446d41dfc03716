import functools
from unittest.mock import ANY

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lesson_claims import held
from matplotlib.figure import Figure

import jaxmlp
from experiments.lessons import vanishing
from jaxmlp.nn.activations import sigmoid

SMALL = {"seeds": 3, "depths": (3, 8)}
BATCH = jaxmlp.Batch(np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0]))
gradient = jax.jit(vanishing.gradient, static_argnums=0)  # as one: here no two are alike


@pytest.fixture(scope="module")
def outcome():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vanishing, "measure", functools.cache(vanishing.measure))
        yield vanishing.teach(**SMALL)


def test_gradients_fall_under_the_sigmoid_and_not_under_he_and_relu(outcome):
    assert held(outcome) == [True, True, True, True]
    assert outcome.tables["left"].columns[:3] == ["activation", "start", "a layer leaves"]
    rows = {tuple(row[:2]): row[2:] for row in outcome.tables["left"].rows}
    assert len(rows) == 12
    left = dict(zip(rows, outcome.figures["left"], strict=True))
    assert 0.2 < left["sigmoid", "Xavier"].mean < 0.3
    assert 0.01 < left["sigmoid", "N(0, 0.01²)"].mean < 0.03
    assert left["tanh", "Xavier"].mean == pytest.approx(1, abs=0.1)
    assert rows["sigmoid", "Xavier"][0] == left["sigmoid", "Xavier"].text()
    assert float(rows["ReLU", "N(0, 1)"][1]) > 1e4
    assert float(rows["ReLU", "N(0, 0.01²)"][1]) < 1e-8
    cured = dict(zip(rows, outcome.figures["cured"], strict=True))
    assert 1.1 < cured["ReLU", "He"].mean < 1.25  # sqrt(pi / (pi - 1)) = 1.21 in deep ones
    assert rows["ReLU", "He"] == [left["ReLU", "He"].text(), ANY, cured["ReLU", "He"].text()]
    # Of two starts by hand; that of all four is not less.
    apart = cured["tanh", "N(0, 1)"].mean - cured["tanh", "He"].mean
    assert abs(apart) <= outcome.figures["spread"] < 0.05
    fades, stays = outcome.figures["goes"]
    assert fades.mean < -2 < -0.5 < stays.mean < 0.5


def test_the_gradient_is_that_of_the_mean_loss_in_each_kernel():
    model, key = jaxmlp.mlp((4, 5, 3), sigmoid), jax.random.key(1)
    params = model.init(key)

    def loss(kernels):
        hidden = jax.nn.sigmoid(BATCH.inputs @ kernels[0]) @ kernels[1]  # biases are 0
        return -jax.nn.log_softmax(hidden)[jnp.arange(4), BATCH.labels].mean()

    expected = jax.jit(jax.grad(loss))([layer.kernel for layer in params])
    for found, kernel in zip(gradient(model, BATCH, key), expected, strict=True):
        np.testing.assert_allclose(found, kernel, rtol=1e-4, atol=1e-7)


def test_with_batch_norm_the_gradient_does_not_know_the_size_of_the_kernels():
    model = jaxmlp.mlp((4, 5, 3), norm="batch", norm_epsilon=1e-12)
    larger = model._replace(init=lambda key: scaled(model.init(key)))

    def scaled(params):
        first, last = params.trained
        return params._replace(trained=(first._replace(kernel=first.kernel * 10), last))

    one, other = (gradient(m, BATCH, jax.random.key(0)) for m in (model, larger))
    np.testing.assert_allclose(one[1], other[1], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(one[0], other[0] * 10, rtol=1e-2, atol=1e-5)


def test_norms_are_logarithms_by_seed_and_layer():
    model = jaxmlp.mlp((4, 5, 3), sigmoid)
    found = vanishing.norms(model, BATCH, 2)
    keys = jax.random.split(jax.random.key(0), 2)
    expected = [[jnp.linalg.norm(g) for g in gradient(model, BATCH, k)] for k in keys]
    np.testing.assert_allclose(10**found, expected, rtol=1e-5)


def test_the_factor_is_that_of_a_layer():
    logs = np.log10([[9, 1, 2, 4, 8, 9], [9, 1, 3, 9, 27, 9]])  # between layers 2 and 5
    assert vanishing.factor(logs).mean == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_the_picture_has_the_deepest_networks_by_layer_and_the_first_layer_by_depth(outcome):
    sigmoids, first, normed = (outcome.picture.axes[i] for i in (0, 3, 4))
    lines = {line.get_label(): line for line in sigmoids.lines}
    assert list(lines) == ["N(0, 1)", "N(0, 0.01²)", "Xavier", "He"]
    assert lines["Xavier"].get_xdata().tolist() == list(range(1, 10))
    below, above = lines["Xavier"].get_ydata()[[1, -2]]
    assert below < above - 2
    assert first.lines[0].get_xdata().tolist() == [3, 8]
    assert first.lines[0].get_ydata()[1] == pytest.approx(lines["Xavier"].get_ydata()[0])
    assert normed.get_title() == "sigmoid"
    assert abs(normed.lines[2].get_ydata()).max() < 1


@pytest.mark.parametrize(
    ("shown_as", "expected"),
    [
        ({"sigmoid": "tanh"}, [False, True, False, True]),
        ({"ReLU": "sigmoid"}, [True, False, False, False]),
    ],
)
def test_claims_fail_where_another_activation_is_behind_a_name(
    monkeypatch, outcome, shown_as, expected
):
    measure = vanishing.measure

    def renamed(*args):
        found = measure(*args)
        return {(k, how): found[shown_as.get(k, k), how] for k, how in found}

    monkeypatch.setattr(vanishing, "measure", renamed)
    monkeypatch.setattr(vanishing, "draw", lambda *_: Figure())
    assert held(vanishing.teach(**SMALL)) == expected


def test_a_claim_fails_where_batch_norm_is_left_out(monkeypatch, outcome):
    measure = vanishing.measure
    monkeypatch.setattr(vanishing, "measure", lambda _, *rest: measure(None, *rest))
    monkeypatch.setattr(vanishing, "draw", lambda *_: Figure())
    assert held(vanishing.teach(**SMALL)) == [True, True, True, False]


@pytest.mark.parametrize(
    ("norm", "expected"), [(None, [True, True, False, True]), ("batch", [True] * 4)]
)
def test_a_claim_fails_where_hes_start_is_another(monkeypatch, outcome, norm, expected):
    measure = vanishing.measure

    def another(given, *rest):
        found = measure(given, *rest)
        return found | {("ReLU", "He"): found["ReLU", "N(0, 1)"]} if given == norm else found

    monkeypatch.setattr(vanishing, "measure", another)
    monkeypatch.setattr(vanishing, "draw", lambda *_: Figure())
    assert held(vanishing.teach(**SMALL)) == expected


@pytest.mark.parametrize("kind", ["sigmoid", "tanh", "ReLU"])
def test_a_claim_fails_where_batch_norm_leaves_more_from_one_start(monkeypatch, outcome, kind):
    measure = vanishing.measure

    def another(norm, *rest):
        found = measure(norm, *rest)
        logs = found[kind, "N(0, 1)"]
        steeper = [each - 0.1 * np.arange(each.shape[1]) for each in logs]
        return found | {(kind, "N(0, 1)"): steeper} if norm else found

    monkeypatch.setattr(vanishing, "measure", another)
    monkeypatch.setattr(vanishing, "draw", lambda *_: Figure())
    assert held(vanishing.teach(**SMALL)) == [True, True, True, False]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"depths": (2, 5)}, "--depths needs two .* from 3 to 24, got 2,5"),
        ({"depths": (3, 25)}, "--depths needs two .* from 3 to 24, got 3,25"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        vanishing.teach(**{**SMALL, **wrong})
