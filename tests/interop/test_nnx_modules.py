import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from flax_modules import Net

from jaxmlp.interop.nnx_modules import build, merged, parts_of, state_of, variables_of


@pytest.mark.parametrize(
    "make", [Net, lambda rngs: Net(rngs=rngs), lambda r: Net(rngs=r), functools.partial(Net, 4)]
)
def test_a_module_is_built_of_rngs_however_they_are_taken(make):
    built, expected = build(make, jax.random.key(3)), Net(rngs=nnx.Rngs(jax.random.key(3)))
    np.testing.assert_array_equal(built.last.kernel[...], expected.last.kernel[...])


def test_a_module_comes_apart_and_together():
    parts = parts_of(Net)
    module = build(Net, 3)
    variables = variables_of(module)
    assert sorted(variables.trained) == ["last", "layers", "norm"]
    assert sorted(variables.trained["layers"]) == [0, 1]
    assert {name: sorted(tree) for name, tree in variables.running.items()} == {
        "norm": ["mean", "var"]
    }
    again = merged(parts, variables)
    inputs = jnp.ones((2, 4))
    module.eval(), again.eval()
    np.testing.assert_array_equal(module(inputs), again(inputs))
    assert all(count == 0 for count in jax.tree.leaves(nnx.state(again, nnx.RngCount)))
    state = state_of(parts, variables)
    assert jax.tree.structure(state) == jax.tree.structure(nnx.state(module, nnx.Not(nnx.RngState)))


def test_parts_hold_shapes_alone():
    for leaf in jax.tree.leaves(parts_of(Net).states):
        assert isinstance(leaf, jax.ShapeDtypeStruct)


built_before = Net(rngs=nnx.Rngs(0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rngs: 3, "from_flax needs rngs to make an nnx module, got 3"),
        (
            lambda rngs: built_before,
            "from_flax needs a function that makes the nnx module anew, got one that returns the "
            "same Net",
        ),
        (nnx.Linear, "from_flax needs a function of rngs alone, such as .*, got Linear"),
        (
            lambda width, rngs: 3,
            "from_flax needs a function of rngs alone, such as .*, got <lambda>",
        ),
        (max, "from_flax needs a function of rngs alone, such as .*, got max"),
        (lambda: 3, "from_flax needs a function of rngs alone, such as .*, got <lambda>"),
    ],
)
def test_what_makes_no_module_of_rngs_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        parts_of(make)
