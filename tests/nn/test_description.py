import functools
import json

import jax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmlp import (
    Model,
    Scaling,
    activations,
    initializers,
    mlp,
    standardized,
    with_precision,
)
from jaxmlp.nn.description import (
    ACTIVATIONS,
    INITIALIZERS,
    LINKS,
    description_of,
    model_of,
    name_in,
)


def through_json(model):
    return model_of(json.loads(json.dumps(description_of(model))))


DIRECT = [name for name in INITIALIZERS if name != "gaussian"]  # which makes an initializer
rates = st.none() | st.floats(0, 0.99)
models = st.builds(
    mlp,
    st.lists(st.integers(1, 5), min_size=3, max_size=5),
    st.sampled_from([ACTIVATIONS[name] for name in ACTIVATIONS])
    | st.builds(functools.partial, st.just(jax.nn.elu), alpha=st.floats(0.1, 2)),
    st.sampled_from([INITIALIZERS[name] for name in DIRECT])
    | st.builds(initializers.gaussian, st.floats(0, 10)),
    st.sampled_from([initializers.zeros, initializers.ones]),
    rates,
    rates,
    rates,
    st.sampled_from([None, "batch", "layer"]),
)


@settings(max_examples=200)
@given(models)
def test_a_network_comes_back_equal_and_compiles_nothing_anew(model):
    assert through_json(model) == model


def test_a_norms_settings_come_back():
    model = mlp((4, 8, 3), norm="batch", norm_momentum=0.5, norm_epsilon=1e-3)
    assert through_json(model).architecture == model.architecture


def test_a_description_says_what_a_reader_wants_to_know():
    model = mlp((4, 8, 3), functools.partial(jax.nn.leaky_relu, negative_slope=0.2), dropout=0.5)
    assert description_of(model) == {
        "sizes": [4, 8, 3],
        "activation": {"leaky_relu": {"negative_slope": 0.2}},
        "kernel_init": "he",
        "bias_init": "zeros",
        "dropout": 0.5,
        "input_dropout": None,
        "input_noise": None,
        "norm": None,
        "norm_momentum": None,
        "norm_epsilon": None,
    }


def test_scalings_come_back_and_are_no_part_of_networks_without():
    model = standardized(mlp((2, 4, 1)), Scaling((0.1, 2.0), (1.0, 3.0)))
    description = description_of(model)
    assert json.loads(json.dumps(description))["input_scaling"][0][1] == 2.0
    assert "output_scaling" not in description
    assert through_json(model) == model
    both = standardized(model, outputs=Scaling((1.0,), (0.1,)))
    assert through_json(both) == both
    assert both != model


def test_a_precision_comes_back_and_is_no_part_of_networks_in_float32():
    assert "precision" not in description_of(mlp((2, 4, 1)))
    model = with_precision(mlp((2, 4, 1), norm="layer"), "bfloat16")
    assert description_of(model)["precision"] == "bfloat16"
    assert through_json(model) == model
    with pytest.raises(ValueError, match="^precision needs to be one of .*, got 'half'$"):
        model_of({**description_of(model), "precision": "half"})


def own(x):
    return x


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (mlp((4, 3), own), "activation needs to be one of jaxmlp.activations .*, got own: save_"),
        (mlp((4, 3), lambda x: x), "activation needs .*, got <lambda>: save_params keeps"),
        (mlp((4, 3), functools.partial(own, x=1)), "activation needs .*, got own"),
        (mlp((4, 3), functools.partial(jax.nn.elu, alpha=(1,))), "activation needs .*, got elu"),
        (mlp((4, 3), kernel_init=jax.nn.initializers.normal(0.1)), "kernel_init needs .*, got"),
        (mlp((4, 3), bias_init=lambda *_: 0), "bias_init needs .* jaxmlp.initializers .*lambda"),
        (Model(own, own), "a network needs to be made by mlp .*, got Model.*: save_params keeps"),
    ],
)
def test_what_cannot_be_described_is_refused_with_what_to_do(model, message):
    with pytest.raises(ValueError, match=f"^{message}") as refused:
        description_of(model)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"activation": "__import__"}, "activation needs to be one of elu, .*, got __import__"),
        ({"activation": {"own": {}}}, "activation needs to be one of elu, .*, got own"),
        ({"kernel_init": "relu"}, "kernel_init needs to be one of gaussian, .*, got relu"),
        ({"sizes": [4]}, "sizes needs an input and an output width"),
        ({"input_scaling": 4}, r"input_scaling needs a Scaling\(mean, scale\), got 4"),
        ({"output_scaling": [[1], [1]]}, r"output_scaling needs a mean of the shape \(3,\), got"),
        ({"depth": 4}, r"a network needs the fields sizes, .*; \{'depth'\} differ"),
    ],
)
def test_another_description_is_refused(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        model_of({**description_of(mlp((4, 3))), **change})


def test_names_are_those_of_the_very_functions():
    assert name_in(LINKS, jax.nn.softmax) == "softmax"
    assert name_in(LINKS, own) is None
    assert {name_in(ACTIVATIONS, getattr(activations, name)) for name in ACTIVATIONS} == set(
        activations.__all__
    )
