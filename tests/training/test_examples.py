import jax
import jax.numpy as jnp
import numpy as np
import pandas
import pytest
from scipy import sparse

from jaxmlp.training.examples import as_array, as_inputs, as_labels

FLOATS = np.array([[0.5, -1.0], [2.0, 300.0]])


@pytest.mark.parametrize(
    "inputs",
    [
        FLOATS.tolist(),
        FLOATS,
        FLOATS.astype(np.float32),
        FLOATS.astype(np.float16),
        FLOATS.astype(">f4"),
        jnp.array(FLOATS),
        jnp.array(FLOATS, jnp.bfloat16),
        pandas.DataFrame(FLOATS),
    ],
)
def test_floats_of_any_kind_become_float32(inputs):
    made = as_inputs(inputs)
    assert made.dtype == np.float32
    assert made.dtype.isnative
    assert made.tolist() == FLOATS.tolist()


def test_what_needs_no_change_stays_where_it_is():
    for inputs in (np.zeros((2, 2), np.float32), np.zeros((2, 2), np.uint8), jnp.zeros((2, 2))):
        assert as_inputs(inputs) is inputs
        assert as_labels(inputs) is inputs


@pytest.mark.parametrize("values", [[[0, 1]], [[-1, 3]], [[0, 256]], [[True, False]], [[]]])
def test_whole_numbers_that_are_no_pixels_become_floats(values):
    made = as_inputs(np.array(values, bool if values == [[True, False]] else int))
    assert made.dtype == np.float32
    assert made.tolist() == values


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16, np.int8])
def test_whole_numbers_that_could_be_pixels_are_refused(dtype):
    name, most = np.dtype(dtype).name, min(255, np.iinfo(dtype).max)
    for top in (2, most):
        message = rf"^inputs need to be uint8 .* got {name} from 0 to {top}: "
        with pytest.raises(ValueError, match=message):
            as_inputs(np.array([[0, top]], dtype))


@pytest.mark.parametrize(
    ("values", "got"),
    [
        ((row for row in FLOATS), "a generator"),
        (None, "None"),
        (sparse.csr_array(FLOATS), r"a csr_array: use its toarray\(\)"),
        ([[1.0], [1.0, 2.0]], "a list: .*inhomogeneous.*"),
        (np.array(["a", "b"]), r"<U1 \(2,\)"),
        (["a", "b"], r"<U1 \(2,\)"),
        (np.array([{}, 1]), r"object \(2,\)"),
        (np.array([1j]), r"complex128 \(1,\)"),
        (np.array(["2000-01-01"], "datetime64[D]"), r"datetime64\[D\] \(1,\)"),
        (pandas.DataFrame({"a": [1.0], "b": ["x"]}), r"object \(1, 2\)"),
        (jax.random.split(jax.random.key(0)), r"key<fry> \(2,\)"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_in_one_line(values, got):
    with pytest.raises(ValueError, match=rf"^inputs need a[^\n]*, got {got}$"):
        as_array("inputs", values)


@pytest.mark.parametrize("made", [as_inputs, as_labels])
def test_a_single_number_is_refused(made):
    with pytest.raises(ValueError, match=r"need to be \(num_examples, \.\.\.\), got float64 \(\)$"):
        made(3.0)


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([0, 2], np.int64),
        (np.uint8([0, 2]), np.uint8),
        (np.array([2**31, 0]), np.float32),
        (np.array([2**40, -(2**50)]), np.float32),
        (np.array([False, True]), np.int32),
        ([0.5, 1.5], np.float32),
        (pandas.Series([1, 2]), np.int64),
        (jnp.array([1, 2]), np.int32),
        (np.float16([0.5]), np.float16),
    ],
)
def test_labels_keep_their_values_and_a_range_that_jax_has(labels, dtype):
    made = as_labels(labels)
    assert made.dtype == dtype
    assert np.asarray(made).tolist() == np.asarray(labels).tolist()
