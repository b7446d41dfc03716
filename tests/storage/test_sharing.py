import jax
import jax.numpy as jnp
import numpy as np

from jaxmlp import digest
from jaxmlp.storage.checkpoint import Checkpoint
from jaxmlp.storage.sharing import as_bytes, from_bytes, from_first

TREE = {
    "key": jax.random.key(3),
    "weights": (np.float32([[1, np.nan]]), jnp.ones(3, jnp.bfloat16)),
    "none": np.zeros((0, 2), np.int32),
    "step": np.int32(10),
}


def test_a_checkpoint_is_the_same_once_it_was_told_bit_for_bit():
    found = Checkpoint(10, TREE, {"history": [{"loss": 0.1}], "faults": []}, 0.5)
    like = jax.eval_shape(lambda: TREE)
    told = from_bytes(as_bytes(found), like)
    assert digest(told.tree) == digest(found.tree)
    assert told._replace(tree=None) == found._replace(tree=None)
    assert from_first(found, like).step == 10
    told.tree["weights"][0][0, 0] = 5  # they are a process's own


def test_that_there_is_none_is_told_too():
    assert from_first(None, TREE) is None
