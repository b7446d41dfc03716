import functools

import jax
import numpy as np
import pytest

from jaxmlp import Context, activations, mlp
from jaxmlp.nn.mlp import rates, variant, with_rates

SIZES = (4, 8, 3)


def test_a_network_with_all_off_is_the_plain_one():
    assert mlp(SIZES, dropout=None, input_dropout=None, input_noise=None, norm=None) is mlp(SIZES)
    assert mlp(SIZES).train is None
    assert mlp(SIZES).least_batch == 1


def test_a_mean_and_a_variance_need_two_examples():
    assert mlp(SIZES, norm="batch").least_batch == 2
    assert mlp(SIZES, norm="layer", dropout=0.5).least_batch == 1


def test_rates_change_nothing_but_training():
    plain, dropped, noisy = mlp(SIZES), mlp(SIZES, dropout=0.5), mlp(SIZES, input_noise=0.1)
    assert plain.init is dropped.init is noisy.init
    assert plain.apply is dropped.apply is noisy.apply
    assert len({plain, dropped, noisy, mlp(SIZES, dropout=0.0)}) == 4


@pytest.mark.parametrize(
    "name", ["dropout", "input_dropout", "input_noise", "norm_momentum", "noise", "ladder"]
)
def test_equal_arguments_make_equal_models(name):
    norm = {"norm": "batch"} if name == "norm_momentum" else {}
    zeros = [mlp(SIZES, **norm, **{name: zero}) for zero in (0, 0.0, -0.0, np.float32(0))]
    assert all(zero is zeros[0] for zero in zeros)
    assert rates(zeros[0])[name] == 0.0
    assert mlp(SIZES, **norm, **{name: 0.5}) != zeros[0]
    assert repr(mlp(SIZES, **norm, **{name: 0.5})).endswith(f"{name}=0.5)")


def test_numbers_are_kept_as_positive_floats_and_what_is_not_given_as_its_default():
    for zero in (-0.0, 0, np.float32(-0.0)):
        model = mlp((4, 7, 3), input_noise=zero, dropout=zero)
        kept = model.architecture.input_noise, model.architecture.dropout
        assert [(type(value), str(value)) for value in kept] == [(float, "0.0")] * 2
    assert mlp(SIZES, norm="layer").architecture[8:10] == (None, 1e-5)
    assert mlp(SIZES, norm="batch").architecture[8:10] == (0.9, 1e-5)
    assert mlp(SIZES).architecture[10:] == (None, None, "float32", (), None, None)


def test_networks_are_named_by_what_they_are():
    partial = functools.partial(activations.leaky_relu, negative_slope=0.3)
    model = mlp(SIZES, partial, dropout=0.5, input_dropout=0.0, norm="batch", norm_momentum=0.99)
    widths = "4-8-3, leaky_relu"
    noise = "dropout=0.5, input_dropout=0, norm=batch, norm_momentum=0.99"
    assert str(model.architecture) == f"{widths}, {noise}"
    assert model.architecture.name == f"4-8-3, {noise}"
    assert repr(mlp(SIZES, norm="layer")) == "Model(4-8-3, relu, norm=layer)"
    assert repr(mlp(SIZES, norm="batch")) == "Model(4-8-3, relu, norm=batch)"


@pytest.mark.parametrize("name", ["dropout", "input_dropout", "norm_momentum"])
@pytest.mark.parametrize("value", [1, 1.5, -0.1, float("nan"), float("inf"), "0.5", True, [0.5]])
def test_a_share_out_of_range_is_refused(name, value):
    line = rf"^{name} needs a number of at least 0 and below 1, or None, got [^\n]+$"
    with pytest.raises(ValueError, match=line):
        mlp(SIZES, norm="batch", **{name: value})
    with pytest.raises(ValueError, match=line):
        variant(mlp(SIZES, norm="batch"), **{name: value})


@pytest.mark.parametrize("name", ["input_noise", "norm_epsilon", "noise", "ladder"])
@pytest.mark.parametrize(
    "value", [-0.1, float("nan"), float("inf"), "0.5", False, jax.numpy.ones(2)]
)
def test_a_number_out_of_range_is_refused(name, value):
    line = rf"^{name} needs a number of at least 0 that is finite, or None, got [^\n]+$"
    with pytest.raises(ValueError, match=line):
        mlp(SIZES, norm="batch", **{name: value})


@pytest.mark.parametrize("norm", ["Batch", "", "instance", 1, True, max, ["batch"]])
def test_a_norm_of_another_name_is_refused(norm):
    with pytest.raises(ValueError, match=r"^norm needs to be batch, layer or None, got [^\n]+$"):
        mlp(SIZES, norm=norm)


def test_what_has_no_place_is_refused():
    with pytest.raises(ValueError, match=r"^dropout needs a hidden layer: .* got sizes=\(4, 3\)$"):
        mlp((4, 3), dropout=0.5)
    with pytest.raises(ValueError, match=r"^norm needs a hidden layer, got sizes=\(4, 3\)$"):
        mlp((4, 3), norm="layer")
    with pytest.raises(ValueError, match=r"^norm_momentum needs norm='batch', got norm='layer'$"):
        mlp(SIZES, norm="layer", norm_momentum=0.9)
    with pytest.raises(ValueError, match=r"^norm_epsilon needs a norm, got norm=None$"):
        mlp(SIZES, norm_epsilon=0.9)
    assert mlp((4, 3), input_dropout=0.5, input_noise=0.1).train is not None


def test_a_variant_changes_what_is_given_alone():
    model = mlp(SIZES, dropout=0.5, input_noise=0.1, norm="batch", norm_momentum=0.8)
    assert variant(model) is model
    assert variant(model, dropout=0.25) is mlp(
        SIZES, dropout=0.25, input_noise=0.1, norm="batch", norm_momentum=0.8
    )
    assert variant(model, dropout=None, input_noise=None, norm=None) is mlp(SIZES)
    assert variant(model, norm="batch") is model
    layer = variant(model, norm="layer", norm_epsilon=1e-3)
    assert layer is mlp(SIZES, dropout=0.5, input_noise=0.1, norm="layer", norm_epsilon=1e-3)
    assert variant(mlp(SIZES), activation=activations.tanh) is mlp(SIZES, activations.tanh)


def test_rates_are_the_numbers_that_are_set():
    assert rates(mlp(SIZES, norm="layer", norm_epsilon=0.1)) == {}
    assert rates(mlp(SIZES, norm="batch")) == {"norm_momentum": 0.9}
    model = mlp(SIZES, input_noise=0.0, dropout=0.5, input_dropout=0.2)
    assert rates(model) == {"dropout": 0.5, "input_dropout": 0.2, "input_noise": 0.0}
    assert rates(model._replace(architecture=None)) == {}
    assert rates(model._replace(architecture="a module")) == {}


def test_networks_with_other_rates_are_one_with_the_same_rates():
    one, other = mlp(SIZES, dropout=0.5, norm="batch"), mlp(SIZES, dropout=0.1, norm="batch")
    same = {"dropout": 0.0, "norm_momentum": 0.0}
    assert one != other
    assert with_rates(one, same) is with_rates(other, same)
    assert with_rates(one, rates(one)) is one
    assert with_rates(one, {}) is one


def test_only_rates_that_a_network_has_can_be_put_in():
    with pytest.raises(ValueError, match=r"^input_noise needs a network with it, got dropout$"):
        with_rates(mlp(SIZES, dropout=0.5), {"input_noise": 0.5})
    with pytest.raises(
        ValueError, match=r"^dropout needs a number of at least 0 and below 1, .*2.0$"
    ):
        with_rates(mlp(SIZES, dropout=0.5), {"dropout": 2})


def test_traced_rates_train_as_numbers_do():
    model = mlp(SIZES, dropout=0.5, input_dropout=0.25, input_noise=0.3, norm="batch")
    context = Context(jax.random.key(1), jax.numpy.ones(5, bool))
    params, inputs = model.init(jax.random.key(0)), jax.numpy.ones((5, 4))

    @jax.jit
    def traced(values):
        return with_rates(model, values).train(params, inputs, context)

    got = traced({name: np.float32(value) for name, value in rates(model).items()})
    expected = jax.jit(model.train)(params, inputs, context)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), got, expected)
    others = traced({name: np.float32(0) for name in rates(model)})
    assert np.abs(others[0] - expected[0]).max() > 0.01
