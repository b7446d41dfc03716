"""Arrays that are spread over devices; `tests/training/test_placement.py` has several of them."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp.runtime import whole
from jaxmlp.runtime.whole import gathered, is_divided, is_spread


def test_what_one_device_has_comes_as_it_is():
    tree = {"own": jnp.arange(3), "host": np.ones(2), "key": jax.random.key(2)}
    got = gathered(tree)
    assert isinstance(got["own"], np.ndarray)
    assert got["own"].tolist() == [0, 1, 2]
    assert got["host"].tolist() == [1, 1]
    assert got["key"] == tree["key"]
    assert not any(is_spread(leaf) or is_divided(leaf) for leaf in jax.tree.leaves(tree))


def test_parts_are_put_together_of_which_a_process_has_all(monkeypatch):
    """As where a batch is divided over processes, and a layer within each."""
    parts = [
        SimpleNamespace(index=(slice(None), slice(i, i + 2)), data=np.full((2, 2), i, np.float32))
        for i in (2, 0, 2)
    ]

    class Spread(SimpleNamespace):
        pass

    leaf = Spread(shape=(2, 4), dtype=np.dtype(np.float32), size=8, addressable_shards=parts)
    leaf.is_fully_addressable = leaf.is_fully_replicated = False
    monkeypatch.setattr(whole.jax, "Array", Spread)
    assert gathered(leaf).tolist() == [[0, 0, 2, 2]] * 2
