import jax
import numpy as np
import pytest
from compilations import counted

from jaxmlp import activations, mlp
from jaxmlp.sklearn.answers import BLOCK, MOST, answers

MODEL = mlp((3, 8, 2))
PARAMS = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))
INPUTS = np.float32(np.random.default_rng(0).normal(size=(700, 3)))


def said(inputs):
    return answers(MODEL.apply, jax.nn.softmax, PARAMS, inputs)


@pytest.mark.parametrize("count", [1, BLOCK, BLOCK + 1, 700])
def test_each_member_answers_each_row(count):
    found = said(INPUTS[:count])
    assert (found.shape, found.dtype) == ((2, count, 2), np.float32)
    for member in range(2):
        own = jax.tree.map(lambda leaf, m=member: leaf[m], PARAMS)
        logits = jax.vmap(MODEL.apply, (None, 0))(own, INPUTS[:count])
        np.testing.assert_allclose(found[member], jax.nn.softmax(logits), rtol=1e-5)


def test_a_row_s_answer_has_the_same_bits_whichever_rows_are_beside_it():
    whole = said(INPUTS)
    np.testing.assert_array_equal(said(INPUTS[300:301])[:, 0], whole[:, 300])
    np.testing.assert_array_equal(said(INPUTS[::-1])[:, ::-1], whole)


def test_few_programs_serve_all_numbers_of_rows():
    said(INPUTS[:200])
    with counted() as seen:
        for count in (129, 150, 256):
            said(INPUTS[:count])
    assert not seen


def test_many_rows_are_answered_in_parts():
    rows = BLOCK * MOST + 5
    inputs = np.arange(rows, dtype=np.float32)[:, None]
    found = answers(lambda w, x: w * x, activations.identity, np.float32([[1], [2]]), inputs)
    np.testing.assert_array_equal(found[:, :, 0], [inputs[:, 0], 2 * inputs[:, 0]])
