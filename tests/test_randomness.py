import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxmlp.randomness import as_seed, keys

SEEDS = st.integers(0, 2**32 - 1)


def bits(seed):
    return [tuple(np.asarray(jax.random.key_data(key)).tolist()) for key in keys(seed)]


@given(st.lists(SEEDS, min_size=2, max_size=10, unique=True))
def test_every_seed_and_purpose_has_a_key_of_its_own(seeds):
    everything = [key for seed in seeds for key in bits(seed)]
    assert len(set(everything)) == len(everything)


@given(SEEDS)
def test_the_same_seed_gives_the_same_keys_as_a_number_or_an_array(seed):
    assert bits(seed) == bits(np.uint32(seed)) == bits(jnp.uint32(seed))
    assert bits(seed) == bits(np.int64(seed))


def test_keys_of_many_seeds_at_once_are_those_of_each():
    seeds = [0, 1, 7, 2**32 - 1]
    many = jax.jit(jax.vmap(keys))(jnp.array(seeds, jnp.uint32))
    shuffles = np.asarray(jax.random.key_data(many.shuffle)).tolist()
    assert [tuple(key) for key in shuffles] == [bits(seed)[1] for seed in seeds]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises(ValueError, match=rf"^seed needs .* from 0 to 4294967295, got {seed}$"):
        as_seed(seed)
    with pytest.raises(ValueError, match=r"^seed needs"):
        keys(seed)
