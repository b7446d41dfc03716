"""Networks whose hidden layers a mesh is to divide: what their descriptions say of it."""

import jax
import numpy as np
import pytest
from flax import linen

from jaxmlp import digest, from_flax, mlp, with_precision, with_sharded
from jaxmlp.nn.mlp import variant, with_rates
from jaxmlp.nn.sharded import divided_axes, sharded_layers

PLAIN = mlp((6, 8, 4, 3))
BOTH = mlp((6, 8, 4, 3), norm="batch", dropout=0.5)


@pytest.mark.parametrize("model", [PLAIN, BOTH])
def test_it_is_the_same_network_to_one_device(model):
    sharded = with_sharded(model)
    assert sharded != model
    assert with_sharded(sharded, ()) is model
    assert sharded[:3] == model[:3]  # init, apply and train: no program is compiled anew
    key = jax.random.key(3)
    assert digest(sharded.init(key)) == digest(model.init(key))


@pytest.mark.parametrize(
    ("sizes", "layers"),
    [
        ((6, 8, 3), (0,)),
        ((6, 8, 8, 3), (0,)),
        ((2, 8, 64, 32), (1,)),
        ((6, 8, 8, 8, 3), (0, 2)),
        ((6, 8, 8, 8, 8, 3), (0, 2)),
    ],
)
def test_every_other_layer_is_divided_so_that_most_parameters_are(sizes, layers):
    assert sharded_layers(with_sharded(mlp(sizes))) == layers


def test_layers_may_be_named_in_any_order_and_twice():
    model = with_sharded(PLAIN, np.array([1, 0, 1]))
    assert sharded_layers(model) == (0, 1)
    assert str(model) == "Model(6-8-4-3, relu, sharded=0+1)"
    assert model is with_sharded(PLAIN, (0, 1)) != with_sharded(PLAIN)


def test_a_kernel_goes_by_its_units_and_the_next_one_by_its_inputs():
    first, both = (divided_axes(with_sharded(BOTH, on).architecture) for on in ((0,), (0, 1)))
    units = {f"0/{name}": ((8,), -1) for name in ("bias", "scale")}
    units |= {f"running/0/{name}": ((8,), -1) for name in ("mean", "var")}
    assert first == {"0/kernel": ((6, 8), -1), "1/kernel": ((8, 4), -2)} | units
    assert both["1/kernel"] == ((8, 4), -1)
    assert both["2/kernel"] == ((4, 3), -2)
    assert divided_axes(PLAIN.architecture) == {}


def test_what_is_made_of_it_is_divided_too():
    model = with_sharded(BOTH, (1,))
    assert sharded_layers(with_precision(model, "bfloat16")) == (1,)
    assert sharded_layers(variant(model, norm="layer")) == (1,)
    assert sharded_layers(with_rates(model, {"dropout": 0.1})) == (1,)
    assert sharded_layers(variant(with_sharded(PLAIN), hidden_sizes=(9, 9, 9))) == (0, 2)
    assert sharded_layers(variant(PLAIN, hidden_sizes=(9, 9, 9))) == ()


FLAX = from_flax(linen.Dense(3), np.zeros(4, np.float32))


@pytest.mark.parametrize(
    ("model", "layers", "said"),
    [
        (PLAIN, (2,), "sharded needs numbers from 0 to 1, got 2"),
        (PLAIN, (-1,), "sharded needs numbers from 0 to 1, got -1"),
        (PLAIN, 0.5, "sharded needs numbers from 0 to 1, got 0.5"),
        (PLAIN, "0", "sharded needs numbers from 0 to 1, got 0"),
        (mlp((4, 3)), (0,), "sharded needs a network with a hidden layer, got 0"),
        (mlp((4, 3)), None, "with_sharded needs a network with a hidden layer, got Model"),
        (FLAX, None, "with_sharded needs a model made by mlp, whose layers are known, got"),
        ("mlp", None, "with_sharded needs a Model, such as mlp makes, got 'mlp'"),
    ],
)
def test_what_cannot_be_divided_is_refused(model, layers, said):
    with pytest.raises(ValueError, match=said):
        with_sharded(model, layers)


def test_a_named_layer_that_another_architecture_lacks_is_refused():
    with pytest.raises(ValueError, match="sharded needs numbers from 0 to 0, got 1"):
        variant(with_sharded(PLAIN, (1,)), hidden_sizes=(9,))
