import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp.runtime.keydata import KeyData, is_key, plain, typed


@pytest.mark.parametrize("generator", ["threefry2x32", "rbg"])
def test_keys_come_back_with_their_bits_and_generator(generator):
    keys = jax.random.split(jax.random.key(3, impl=generator), 4)
    tree = {"keys": keys, "step": np.int32(3), "none": None}
    made = plain(tree)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(made)} == {"uint32", "int32"}
    back = typed(jax.tree.map(np.asarray, made))
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    assert back["keys"].dtype == keys.dtype
    assert (jax.random.key_data(back["keys"]) == jax.random.key_data(keys)).all()
    assert back["step"] == tree["step"]


def test_shapes_become_those_of_the_bits():
    made = plain(jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 4)))
    assert made.bits == jax.ShapeDtypeStruct((4, 2), jnp.uint32)


def test_both_ways_work_in_compiled_code():
    key = jax.random.key(3)
    made = jax.jit(lambda key: plain(jax.random.fold_in(key, 1)))(key)
    assert isinstance(made, KeyData)
    assert jax.jit(typed)(made) == jax.random.fold_in(key, 1)


def test_a_plain_array_is_no_key():
    assert is_key(jax.random.key(0))
    assert not any(map(is_key, (jax.random.PRNGKey(0), np.zeros(2), 3, None)))
