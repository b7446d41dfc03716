import itertools
import json
import os

import jax
import numpy as np
import optax
import pytest
from endings import killed_at

import jaxmlp
from jaxmlp import Model, Network, activations, digest, load, load_params, mlp, save, save_params
from jaxmlp.storage import network, parameters

INPUTS = np.linspace(-1, 1, 20, dtype=np.float32).reshape(5, 4)
MODEL = mlp((4, 6, 3))
PARAMS = MODEL.init(jax.random.key(0))
TASK = jaxmlp.classification(3)
KINDS = {
    "plain": MODEL,
    "batch norm": mlp((4, 6, 3), activations.tanh, norm="batch", dropout=0.5),
    "layer norm": mlp((4, 6, 3), norm="layer", input_noise=0.1),
    "linear": mlp((4, 3)),
    "standardized": jaxmlp.standardized(MODEL, jaxmlp.scaling_of(INPUTS)),
}


@pytest.fixture
def path(tmp_path):
    save(tmp_path / "network.npz", MODEL, PARAMS, TASK)
    return tmp_path / "network.npz"


@pytest.mark.parametrize("name", KINDS)
def test_a_network_comes_back_with_the_bits_of_its_predictions(name, tmp_path):
    model = KINDS[name]
    params = model.init(jax.random.key(1))
    save(tmp_path / "a.npz", model, params, TASK)
    found = load(tmp_path / "a.npz")
    assert found.model == model
    assert jax.tree.structure(found.params) == jax.tree.structure(params)
    assert digest(found.params) == digest(params)
    recipe = jaxmlp.Recipe(model, TASK, optax.adam, {})
    expected = jaxmlp.predict(recipe, params, INPUTS)
    assert (found.predict(INPUTS) == expected).all()
    assert np.asarray(expected).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize(
    ("task", "link"),
    [
        (None, activations.identity),
        (jaxmlp.regression(3), activations.identity),
        (jaxmlp.binary_classification(3), jax.nn.sigmoid),
    ],
)
def test_outputs_go_through_the_link_of_the_task(tmp_path, task, link):
    save(tmp_path / "a.npz", MODEL, PARAMS, task)
    outputs = link(jax.vmap(MODEL.apply, (None, 0))(PARAMS, INPUTS))
    found = np.asarray(load(tmp_path / "a.npz").predict(INPUTS))
    assert found == pytest.approx(np.asarray(outputs), abs=1e-6)
    assert load(tmp_path / "a.npz").link is link


def test_pixels_are_taken_as_training_takes_them(path):
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)
    expected = np.asarray(load(path).predict(np.float32(pixels) / 255))
    assert np.asarray(load(path).predict(pixels)) == pytest.approx(expected, abs=1e-6)


def test_the_file_has_the_parameters_for_load_params_too(path):
    assert digest(load_params(path)) == digest(PARAMS)


def test_a_network_is_shown_in_a_line(path):
    assert str(load(path)) == "Network(4-6-3, relu; softmax)"
    assert str(Network(Model(max, min), ())) == "Network(Model(init=max, apply=min); identity)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((MODEL, PARAMS[:1]), r"params need float32 \(6, 3\) at 1/kernel, got nothing$"),
        ((MODEL, (*PARAMS, PARAMS[1])), r"params need nothing at 2/kernel, got float32 \(6, 3\)$"),
        ((mlp((4, 7, 3)), PARAMS), r"params need float32 \(4, 7\) at 0/kernel, got .*\(4, 6\)$"),
        ((MODEL, jax.tree.map(np.float64, PARAMS)), r"params need .* got float64 \(4, 6\)$"),
        ((mlp((4, 6, 3), lambda x: x), PARAMS), "activation needs to be one of jaxmlp.activations"),
        ((Model(max, max), PARAMS), "a network needs to be made by mlp"),
        ((jaxmlp.Recipe(MODEL, TASK, optax.adam, {}), PARAMS), "model needs .*, got a Recipe"),
        ((MODEL, PARAMS, 3), "task needs to be a Task, such as recipe.task, got 3"),
        ((MODEL, PARAMS, TASK._replace(link=max)), "the task's link needs .*, got max: without a"),
    ],
)
def test_what_cannot_be_saved_is_one_line_and_leaves_what_was_there(path, arguments, message):
    with pytest.raises(ValueError, match=f"^{message}") as refused:
        save(path, *arguments)
    assert "\n" not in str(refused.value)
    assert load(path).model == MODEL
    assert os.listdir(path.parent) == ["network.npz"]


def test_inputs_that_do_not_suit_are_one_line(path):
    with pytest.raises(ValueError, match=r"^the model cannot take float32 examples \(3,\)"):
        load(path).predict(INPUTS[:, :3])


# --- files


def test_no_damaged_byte_passes_for_the_network(path):
    whole, refused = path.read_bytes(), 0
    for place in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            found = load(path)
        except ValueError as error:
            refused += str(error).startswith(f"{path} needs ")
        else:  # a time stamp, for one, says nothing of the network
            assert (found.model, found.link) == (MODEL, jax.nn.softmax)
            assert digest(found.params) == digest(PARAMS)
    assert refused > len(whole) / 6


def test_a_file_of_parameters_alone_is_told(tmp_path):
    save_params(tmp_path / "a.npz", PARAMS)
    with pytest.raises(
        ValueError, match=r"a\.npz needs to be a file of jaxmlp\.save, got parameters"
    ):
        load(tmp_path / "a.npz")
    with pytest.raises(FileNotFoundError, match=r"b\.npz"):
        load(tmp_path / "b.npz")
    (tmp_path / "c.npz").write_text("no network")
    with pytest.raises(ValueError, match=r"c\.npz needs to be an undamaged \.npz file"):
        load(tmp_path / "c.npz")


RECORD = {"version": 1, "mlp": network.description_of(MODEL), "link": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps({**RECORD, "version": 2}), "version 1 is known here, got 2"),
        (json.dumps({**RECORD, "link": "eval"}), "'eval'"),
        (json.dumps({**RECORD, "link": ["a"]}), "unhashable"),
        (json.dumps({**RECORD, "mlp": {**RECORD["mlp"], "sizes": [4, 7, 3]}}), "params need .*7"),
        (json.dumps({**RECORD, "mlp": {**RECORD["mlp"], "activation": []}}), "activation|unhash"),
        (json.dumps({**RECORD, "mlp": []}), "a network needs the fields"),
        (json.dumps([]), "list"),
        ("{", "Expecting"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_a_description_that_is_not_known_is_one_line(tmp_path, text, message):
    parameters.write(tmp_path / "a.npz", PARAMS, {"network.json": text})
    with pytest.raises(ValueError, match=rf"a\.npz needs a network that is known: .*({message})"):
        load(tmp_path / "a.npz")


def test_a_leaf_of_the_descriptions_name_is_a_leaf(tmp_path):
    tree = {"network.json": np.ones(2)}
    save_params(tmp_path / "a.npz", tree)
    assert digest(load_params(tmp_path / "a.npz")) == digest(tree)


def test_the_end_at_any_change_leaves_the_old_network_or_the_new(path):
    other = mlp((4, 2, 3))
    for number in itertools.count():
        save(path, MODEL, PARAMS)
        with killed_at(number, path.parent) as changes:
            save(path, other, other.init(jax.random.key(0)))
        assert load(path).model in (MODEL, other)
        if len(changes) < number:
            break
    assert load(path).model == other
    assert os.listdir(path.parent) == ["network.npz"]
