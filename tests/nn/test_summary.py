import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxmlp import Model, Variables, from_flax, mlp
from jaxmlp.nn.summary import products, summary
from jaxmlp.types import count

EXAMPLE = jax.ShapeDtypeStruct((5,), jnp.float32)


def test_an_mlp_is_known_by_its_description():
    model = mlp((5, 8, 3), jnp.tanh, dropout=0.5, input_dropout=0.1, input_noise=0.2, norm="batch")
    table = summary(model)
    inputs, hidden, last = table.layers
    assert inputs == ("inputs", "noise, dropout", (5,), "", 0, 0, 0, 0)
    kind = "dense, batch norm, tanh, dropout"
    assert hidden == ("layer_0", kind, (8,), "float32", 40 + 8 + 8, 16, 4 * (56 + 16), 80)
    assert last == ("layer_1", "dense", (3,), "float32", 27, 0, 108, 48)
    assert table.total == ("total", "", (3,), "float32", 83, 16, 4 * 99, 128)


@pytest.mark.parametrize("norm", [None, "layer", "batch"])
def test_the_totals_are_those_of_the_functions_themselves(norm):
    model = mlp((5, 70, 8, 3), norm=norm)
    params = model.init(jax.random.key(0))
    total = summary(model).total
    by_functions = summary(model._replace(architecture=None), EXAMPLE).total
    assert total == by_functions
    assert total.parameters + total.running == count(params)
    assert total.bytes == sum(leaf.nbytes for leaf in jax.tree.leaves(params))
    assert total.flops == 2 * (5 * 70 + 70 * 8 + 8 * 3)


def test_it_prints_as_a_table_and_running_statistics_have_a_column_where_there_are_some():
    assert str(summary(mlp((5, 3)))) == (
        "layer    kind   output  dtype    parameters  bytes  FLOPs\n"
        "layer_0  dense       3  float32          18     72     30\n"
        "total                3  float32          18     72     30"
    )
    lines = repr(summary(mlp((1000, 8, 3), norm="batch"))).splitlines()
    assert lines[0].split() == (
        ["layer", "kind", "output", "dtype", "parameters", "running", "bytes", "FLOPs"]
    )
    assert lines[1].split()[-5:] == ["float32", "8,016", "16", "32,128", "16,000"]


def test_anothers_network_is_known_by_where_it_keeps_parameters():
    module = linen.Sequential([linen.Dense(8), linen.relu, linen.LayerNorm(), linen.Dense(3)])
    model = from_flax(module, np.zeros(5, np.float32))._replace(architecture=None)
    table = summary(model)
    first, norm, _ = table.layers
    assert first == ("layers_0", "bias 8, kernel 5x8", None, "float32", 48, 0, 192, None)
    assert (norm.name, norm.parameters) == ("layers_2", 16)
    assert (table.total.output, table.total.flops) == (None, None)
    assert "?" in str(table)
    table = summary(model, EXAMPLE)
    assert (table.total.output, table.total.flops) == ((3,), 2 * (5 * 8 + 8 * 3))
    with pytest.raises(ValueError, match=r"^the model cannot take the example: [^\n]+$"):
        summary(model, np.zeros((2, 5, 7), np.float32))


def test_what_a_node_trains_and_keeps_is_one_line():
    def init(key):
        return Variables({"a": {"scale": jnp.ones(2)}}, {"a": {"mean": jnp.ones((2, 3))}})

    (line,) = summary(Model(init, max)).layers
    assert line == ("a", "scale 2, mean 2x3", None, "float32", 2, 6, 32, None)
    (line,) = summary(Model(lambda key: jnp.ones((2, 3)), max)).layers
    assert (line.name, line.parameters) == ("params", 6)


def test_the_running_statistics_of_a_module_of_flax_are_in_its_line():
    module = linen.Sequential([linen.Dense(8), linen.BatchNorm(), linen.Dense(3)])
    table = summary(from_flax(module, np.zeros(5, np.float32)), EXAMPLE)
    assert [line.name for line in table.layers] == ["layers_0", "layers_1", "layers_2"]
    norm = ("layers_1", "bias 8, scale 8, mean 8, var 8", None, "float32", 16, 16, 128, None)
    assert table.layers[1] == norm
    assert table.total[4:] == (48 + 16 + 27, 16, 4 * (91 + 16), 2 * (40 + 24))


def test_products_in_loops_branches_and_calls_are_counted():
    x = jnp.ones((2, 2))

    def looped(x):
        return jax.lax.scan(lambda c, _: (c @ x, None), x, length=3)[0]

    def branched(x):
        return jax.lax.cond(x.sum() > 0, lambda x: x @ x @ x, lambda x: x @ x, x)

    def called(x):
        return jax.nn.relu(jax.jit(jnp.dot)(x, x)) @ jax.checkpoint(lambda x: x @ x)(x)

    assert [products(jax.make_jaxpr(f)(x)) for f in (looped, branched, called)] == [48, 32, 48]
    image, kernels = jnp.ones((1, 8, 8, 3)), jnp.ones((3, 3, 3, 5))
    names = jax.lax.ConvDimensionNumbers((0, 3, 1, 2), (3, 2, 0, 1), (0, 3, 1, 2))

    def convolved(image):
        return jax.lax.conv_general_dilated(
            image, kernels, (1, 1), "VALID", dimension_numbers=names
        )

    assert products(jax.make_jaxpr(convolved)(image)) == 2 * 6 * 6 * 5 * 3 * 3 * 3


def test_noise_and_the_way_back_of_a_ladder_are_named_and_counted():
    first, last = summary(mlp((5, 8, 3), norm="layer", noise=0.1, ladder=1.0)).layers
    assert first.kind == "dense, layer norm, noise, relu, way back"
    assert first.parameters == 5 * 8 + 8 + 8 + 8 * 5 + 10 * 5  # kernel, norm, and the way back's
    assert last.kind == "dense, way back"
