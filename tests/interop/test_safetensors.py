import json
import os

import jax
import numpy as np
import pytest
from foreign_networks import INPUTS, MODELS, assert_same_trees, outputs_of, params_of

import jaxmlp
from jaxmlp import activations, load_safetensors, save_safetensors, to_torch

safetensors = pytest.importorskip("safetensors.numpy")
TASK = jaxmlp.classification(3)


@pytest.fixture
def path(tmp_path):
    save_safetensors(tmp_path / "a.safetensors", MODELS["batch"], params_of("batch"), TASK)
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize("name", MODELS)
def test_a_network_comes_back_with_the_bits_of_its_predictions(name, tmp_path):
    place = tmp_path / "a.safetensors"
    save_safetensors(place, MODELS[name], params_of(name), TASK)
    found = load_safetensors(place)
    assert found.model == MODELS[name]
    assert found.link is jax.nn.softmax
    assert_same_trees(found.params, params_of(name))
    jaxmlp.save(tmp_path / "a.npz", MODELS[name], params_of(name), TASK)
    theirs = jaxmlp.load(tmp_path / "a.npz").predict(INPUTS)
    np.testing.assert_array_equal(found.predict(INPUTS), theirs)


def test_its_tensors_are_pytorchs_and_scalings_are_not_silent(path, tmp_path):
    expected = to_torch(MODELS["batch"], params_of("batch"))
    found = safetensors.load_file(path)
    assert found.keys() == expected.keys()
    with safetensors_open(path) as file:
        assert file.metadata()["format"] == "pt"  # without which some readers refuse a file
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    save_safetensors(path, MODELS["standardized"], params_of("standardized"))
    found = safetensors.load_file(path)
    scaling = MODELS["standardized"].architecture.input_scaling
    np.testing.assert_array_equal(found["input_scaling.mean"], np.float32(scaling.mean))
    np.testing.assert_array_equal(found["input_scaling.scale"], np.float32(scaling.scale))
    assert {*found} - {*to_torch(MODELS["plain"], params_of("plain"))} == {
        *("input_scaling.mean", "input_scaling.scale"),
        *("output_scaling.mean", "output_scaling.scale"),
    }
    kernel = params_of("standardized")[0].kernel
    np.testing.assert_array_equal(found["0.weight"], kernel.T)  # as it is trained


def test_a_file_of_pytorchs_own_comes_back_too(tmp_path):
    place = tmp_path / "theirs.safetensors"
    state = to_torch(MODELS["tanh"], params_of("tanh"))
    safetensors.save_file(state, place)  # without metadata
    found = load_safetensors(place, activation=activations.tanh)
    np.testing.assert_allclose(found.predict(INPUTS), outputs_of("tanh"), rtol=1e-6, atol=1e-6)
    state = to_torch(MODELS["dropout"], params_of("dropout"))
    safetensors.save_file(state, place, {"format": "pt"})
    found = load_safetensors(place, norm_epsilon=0.01)
    np.testing.assert_allclose(found.predict(INPUTS), outputs_of("dropout"), rtol=1e-4, atol=1e-5)


def rewritten(path, change):
    with safetensors_open(path) as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    change(tensors, metadata)
    safetensors.save_file(tensors, path, metadata)


def safetensors_open(path):
    from safetensors import safe_open

    return safe_open(path, framework="numpy")


def a_number(tensors, metadata):
    tensors["0.weight"][0, 0] += 1


def a_name(tensors, metadata):
    tensors["9.weight"] = tensors.pop("0.weight")


def a_version(tensors, metadata):
    metadata["jaxmlp"] = json.dumps({**json.loads(metadata["jaxmlp"]), "version": 2})


def a_text(tensors, metadata):
    metadata["jaxmlp"] = "{"


def another(tensors, metadata):
    del metadata["jaxmlp"]
    tensors["conv.weight"] = np.ones((3, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (a_number, "needs a network that is known: its tensors need the digest that was saved"),
        (a_name, "needs a network that is known: a state needs 0.weight beside 0.bias"),
        (a_version, "needs a network that is known: version 1 is known here, got 2"),
        (a_text, "needs a network that is known: "),
        (another, "needs fully connected layers: conv.weight needs 1 or 2 axes"),
    ],
)
def test_what_was_changed_is_found_and_named(path, change, message):
    rewritten(path, change)
    with pytest.raises(ValueError, match=f"^{path} {message}") as refused:
        load_safetensors(path)
    assert "\n" not in str(refused.value)


def test_damaged_files_are_refused(path, tmp_path):
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[:100], b"\xff" * 40):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"needs to be an undamaged \.safetensors file: "):
            load_safetensors(path)
    with pytest.raises(FileNotFoundError):
        load_safetensors(tmp_path / "none.safetensors")


def test_numbers_of_a_kind_that_numpy_lacks_are_refused_in_a_line(tmp_path):
    entry = {"dtype": "F8_E5M2", "shape": [1, 1], "data_offsets": [0, 1]}
    head = json.dumps({"0.weight": entry}).encode()
    place = tmp_path / "a.safetensors"
    place.write_bytes(len(head).to_bytes(8, "little") + head + bytes(1))
    with pytest.raises(ValueError, match=r"^.*a\.safetensors needs to be an undamaged .*float8"):
        load_safetensors(place)


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(path, monkeypatch):
    def fails(tensors, metadata):
        raise OSError("the disk is full")

    before = path.read_bytes()
    monkeypatch.setattr(safetensors, "save", fails)
    with pytest.raises(OSError, match="full"):
        save_safetensors(path, MODELS["plain"], params_of("plain"))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_what_cannot_be_described_is_refused_and_nothing_is_written(tmp_path):
    place = tmp_path / "a.safetensors"
    with pytest.raises(ValueError, match="^a network needs to be made by mlp to be described"):
        save_safetensors(place, MODELS["plain"]._replace(init=print), params_of("plain"))
    with pytest.raises(ValueError, match="^params need "):
        save_safetensors(place, MODELS["plain"], params_of("batch"))
    with pytest.raises(ValueError, match="^task needs to be a Task"):
        save_safetensors(place, MODELS["plain"], params_of("plain"), 3)
    assert os.listdir(tmp_path) == []
