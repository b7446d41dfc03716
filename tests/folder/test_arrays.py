"""Parameters and results that a folder holds are those of its settings, or are refused."""

import os

import jax
import numpy as np
import pytest

import jaxmlp
from experiments.data import npz
from experiments.folder import arrays

MODEL = jaxmlp.mlp((4, 8, 3))


@pytest.fixture
def path(tmp_path):
    params = MODEL.init(jax.random.key(0))
    jaxmlp.save_params(tmp_path / "params.npz", params)
    return tmp_path / "params.npz"


def test_the_parameters_of_a_network_come_back(path):
    params = MODEL.init(jax.random.key(0))
    assert jaxmlp.digest(arrays.read_params(path, MODEL)) == jaxmlp.digest(params)


@pytest.mark.parametrize("norm", ["layer", "batch"])
def test_scales_and_running_statistics_come_back(tmp_path, norm):
    model = jaxmlp.mlp((4, 8, 3), norm=norm)
    params = model.init(jax.random.key(0))
    jaxmlp.save_params(tmp_path / "params.npz", params)
    found = arrays.read_params(tmp_path / "params.npz", model)
    assert jaxmlp.digest(found) == jaxmlp.digest(params)
    with pytest.raises(ValueError, match="needs 5 arrays, got none of 0/|also"):
        arrays.read_params(tmp_path / "params.npz", MODEL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"0/bias": np.zeros(9, np.float32)}, r"float32 \(8,\) as 0/bias, got float32 \(9,\)"),
        ({"0/bias": np.zeros(8)}, r"float32 \(8,\) as 0/bias, got float64 \(8,\)"),
        ({"more": np.zeros(8)}, "needs 5 arrays, got also more"),
        ({"/".join("a" * 9999): np.zeros(8)}, "needs 5 arrays, got also a/a"),
        ({"0/bias": np.zeros(8, np.float32) + 1}, "need the digest"),
        ({"sha256": np.array("0" * 64)}, "need the digest"),
    ],
)
def test_others_are_refused(path, change, message):
    np.savez(path, **{**npz.open_arrays(path), **change})
    with pytest.raises(ValueError, match=message):
        arrays.read_params(path, MODEL)


def test_an_array_that_is_gone_is_named(path):
    found = npz.open_arrays(path)
    del found["1/bias"]
    np.savez(path, **found)
    with pytest.raises(ValueError, match="needs 5 arrays, got none of 1/bias"):
        arrays.read_params(path, MODEL)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "params.npz")
    with pytest.raises(ValueError, match="expected an .npz file"):
        arrays.read_params(tmp_path / "params.npz", MODEL)
