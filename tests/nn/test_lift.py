import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxmlp import Context
from jaxmlp.nn.lift import AXIS, lift


def test_each_example_has_the_key_of_its_place():
    def one(params, inputs, key, weight):
        return jax.random.uniform(key, inputs.shape), ()

    key = jax.random.key(3)
    outputs, running = lift(one)((), jnp.zeros((4, 2)), Context(key, jnp.ones(4, bool)))
    expected = [jax.random.uniform(jax.random.fold_in(key, place), (2,)) for place in range(4)]
    np.testing.assert_array_equal(outputs, expected)
    assert running == ()


def test_means_over_the_batch_leave_out_what_only_fills_it():
    def one(params, inputs, key, weight):
        mean = jax.lax.psum(weight * inputs, AXIS) / jax.lax.psum(weight, AXIS)
        return params * (inputs - mean), {"mean": mean, "count": jax.lax.psum(weight, AXIS)}

    inputs = jnp.array([[1.0, 2.0], [3.0, 6.0], [50.0, 50.0]])
    outputs, running = lift(one)(
        2.0, inputs, Context(jax.random.key(0), jnp.array([True, True, False]))
    )
    assert outputs[:2].tolist() == [[-2.0, -4.0], [2.0, 4.0]]
    assert running["mean"].tolist() == [2.0, 4.0]
    assert running["count"].item() == 2


def both_ways(one):
    context = Context(jax.random.key(0), jnp.ones(3, bool))
    return lift(one)(jnp.ones(2), jnp.ones((3, 2)), context)


def test_an_example_without_running_statistics_says_so():
    with pytest.raises(ValueError, match=r"^one needs to return .*, \(\) where .*, got an array"):
        both_ways(lambda params, inputs, key, weight: inputs)


def test_statistics_of_an_example_are_no_running_ones():
    with pytest.raises(ValueError, match="^running statistics need to be the same for all .*psum"):
        both_ways(lambda params, inputs, key, weight: (inputs, {"mean": inputs}))
    with pytest.raises(ValueError, match="^one.s own"):
        both_ways(raising)


def raising(*_):
    raise ValueError("one's own")


def test_a_part_of_a_batch_draws_what_it_draws_in_the_whole():
    def one(params, inputs, key, weight):
        return inputs + jax.random.uniform(key, inputs.shape), ()

    inputs, mask = jnp.zeros((6, 2)), jnp.ones(6, bool)
    whole, _ = lift(one)((), inputs, Context(jax.random.key(0), mask))
    part, _ = lift(one)((), inputs[4:], Context(jax.random.key(0), mask[4:], jnp.uint32(4)))
    assert part.tolist() == whole[4:].tolist()
