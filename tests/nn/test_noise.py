import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry_2x32

from jaxmlp.nn import noise
from jaxmlp.nn.noise import bits16, bits32, normal

KEY = jax.random.key(7)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 100])
def test_there_are_as_many_as_asked_for(count):
    for draw in (bits16, bits32, normal):
        assert draw(KEY, count).shape == (count,)
    assert bits16(KEY, count).max() < 2**16


def test_each_word_of_a_block_gives_two_numbers():
    words = np.asarray(threefry_2x32(jax.random.key_data(KEY), jnp.arange(4, dtype=jnp.uint32)))
    assert sorted(bits16(KEY, 8).tolist()) == sorted([*(words & 0xFFFF), *(words >> 16)])


def test_bits_do_not_depend_on_how_jax_is_configured_to_draw():
    expected = bits16(KEY, 9), normal(KEY, 9)
    for partitionable in (False, True):
        with jax.threefry_partitionable(partitionable):
            jax.tree.map(np.testing.assert_array_equal, (bits16(KEY, 9), normal(KEY, 9)), expected)


def test_numbers_are_uniform_in_each_of_their_bits():
    drawn = np.asarray(bits16(KEY, 2**16))
    shares = [(drawn >> bit & 1).mean() for bit in range(16)]
    np.testing.assert_allclose(shares, 0.5, atol=4 * 0.5 / 2**8)
    counts = np.bincount(drawn >> 8, minlength=256)
    chi = ((counts - 256) ** 2 / 256).sum()
    assert 165 < chi < 355  # chi-squared of 255 degrees of freedom, but for one in 10,000


def test_normal_numbers_are_normal():
    drawn = np.asarray(normal(KEY, 2**16), np.float64)
    assert abs(drawn.mean()) < 4 / 2**8
    assert abs(drawn.std() - 1) < 4 / 2**8.5
    share = (np.abs(drawn) < 1.959964).mean()
    assert abs(share - 0.95) < 4 * (0.95 * 0.05) ** 0.5 / 2**8
    assert np.isfinite(drawn).all()


def test_the_ends_of_the_words_are_finite_and_opposite(monkeypatch):
    ends = jnp.array([0, 2**32 - 1, 2**31 - 1, 2**31], jnp.uint32)
    monkeypatch.setattr(noise, "bits32", lambda key, count: ends)
    least, most, below, above = normal(KEY, 4).tolist()
    assert least == -most
    assert below == -above
    assert 5.2 < most < 5.5
    assert 0 < above < 1e-6
