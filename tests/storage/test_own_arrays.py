"""Checkpoints of arrays that several devices have; another process has eight of them."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from eight_devices import printed
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxmlp import digest
from jaxmlp.storage import own_arrays
from jaxmlp.storage.checkpoint import Checkpoints, CheckpointWarning, DamagedError, restore, steps

ODD = np.array([[-0.0, np.nan, 1e-45, np.inf]] * 4, np.float32)
ODD.view(np.uint32)[1, 1] = 0x7FC12345  # a NaN with bits of its own


def placed(data, model, kernel=("data", "model")):
    """Where the arrays of `tree_of` are to be."""
    mesh = Mesh(np.array(jax.devices()[: data * model]).reshape(data, model), ("data", "model"))
    specs = {
        "a/b.c": PartitionSpec(*kernel),
        "bias": PartitionSpec("model"),
        "count": PartitionSpec(),
        "flags": PartitionSpec("data"),
        "half": PartitionSpec(None, "model"),
        "none": PartitionSpec(),
    }
    return {name: NamedSharding(mesh, spec) for name, spec in specs.items()}


def tree_of(step):
    return {
        "a/b.c": ODD + np.float32(step - step),
        "bias": np.arange(8, dtype=np.float32) + step,
        "count": np.int32(step),
        "flags": np.arange(8) % 3 == 0,
        "half": jnp.full((2, 8), step + 0.5, jnp.bfloat16),
        "none": np.zeros((0, 4), np.float32),
    }


def put(step, places):
    return jax.tree.map(jax.device_put, tree_of(step), places)


def like(places=None):
    shapes = jax.eval_shape(lambda: jax.tree.map(jnp.asarray, tree_of(0)))
    if places is None:
        return shapes
    return jax.tree.map(
        lambda leaf, where: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=where),
        shapes,
        places,
    )


def spread(folder):
    """Facts of checkpoints from one mesh, read on others."""
    with Checkpoints(folder, keep=2) as checkpoints:
        for step in (10, 20, 20, 30):
            tree = put(step, placed(2, 4))
            tree["mutable"] = np.full(2, step)
            checkpoints.save(step, tree, {"step": step}, score=-step)
            tree["mutable"][:] = -1  # too late
        assert checkpoints.error is None
    expected = {**tree_of(30), "mutable": np.full(2, 30)}
    shape = jax.ShapeDtypeStruct((2,), np.int64)
    found = {"steps": steps(folder), "files": sorted(os.listdir(f"{folder}/30/arrays"))}
    found["chunks"] = sorted(os.listdir(f"{folder}/30/arrays/0"))
    for name, places in (
        ("here", None),
        ("same", placed(2, 4)),
        ("turned", placed(4, 2, ("model", "data"))),
        ("fewer", placed(1, 2, (None, "model"))),
    ):
        got = restore(folder, {**like(places), "mutable": shape})
        found[name] = [digest(got.tree) == digest(expected), got.step, got.record, got.score]
        leaves = [got.tree[each] for each in tree_of(0)]
        is_placed = [
            leaf.sharding == places[each] if places else isinstance(leaf, np.ndarray)
            for each, leaf in zip(tree_of(0), leaves, strict=True)
        ]
        found[name].append(all(is_placed))
    return found


def from_before(folder):
    """A checkpoint of one device, read to several; and one of keys."""
    with Checkpoints(folder) as checkpoints:
        checkpoints.save(1, tree_of(1))
        checkpoints.wait()
        key = jax.device_put(jax.random.key(3), placed(2, 4)["count"])
        checkpoints.save(2, {"key": key})
    one = restore(folder, like(placed(2, 4)), step=1)
    two = restore(folder, {"key": key}, step=2).tree["key"]
    is_placed = one.tree["bias"].sharding == placed(2, 4)["bias"]
    return [digest(one.tree) == digest(tree_of(1)), is_placed, bool(two == key)]


def damaged(folder):
    """What is found where a byte of a shard is another, and where a shard is missing."""
    with Checkpoints(folder) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, put(step, placed(2, 4)))
    chunk = sorted(Path(folder, "3", "arrays", "1").glob("[0-9]*"))[0]
    content = bytearray(chunk.read_bytes())
    content[-1] ^= 1
    chunk.write_bytes(content)
    shutil.rmtree(Path(folder, "2", "arrays", "4"))
    with pytest.warns(CheckpointWarning, match="skipped a checkpoint") as said:
        found = restore(folder, like(placed(2, 4)))
    chunk = sorted(Path(folder, "1", "arrays", "1").glob("[0-9]*"))[0]
    chunk.unlink()
    with (
        pytest.warns(CheckpointWarning),
        pytest.raises(DamagedError, match=r"no checkpoint is undamaged.*is missing"),
    ):
        restore(folder, like())
    return [found.step, digest(found.tree) == digest(tree_of(1)), len(said)]


def given_away(folder):
    """A tree whose arrays are used up while they are being written."""
    with Checkpoints(folder) as checkpoints:
        tree = put(5, placed(2, 4))
        checkpoints.save(5, tree)
        for leaf in tree.values():
            leaf.delete()
    return digest(restore(folder, like()).tree) == digest(tree_of(5))


def main():
    with tempfile.TemporaryDirectory() as folder:
        functions = {each.__name__: each for each in (spread, from_before, damaged, given_away)}
        facts = {name: function(f"{folder}/{name}") for name, function in functions.items()}
    print(json.dumps(facts))


@pytest.fixture(scope="module")
def facts():
    return json.loads(printed("import test_own_arrays; test_own_arrays.main()", "storage")[-1])


def test_every_array_is_one_of_its_own_and_every_part_a_file(facts):
    found = facts["spread"]
    assert found["steps"] == [10, 20, 30]  # the two latest, and that with the highest score
    assert {"0", "1", "2", "3", "4", "5"} < set(found["files"])
    assert "6" not in found["files"]  # "none" has no elements
    assert found["chunks"] == [".zarray", *(f"{i}.{j}" for i in range(2) for j in range(4))]


@pytest.mark.parametrize("mesh", ["here", "same", "turned", "fewer"])
def test_it_is_read_to_the_bit_to_wherever_it_is_to_be(mesh, facts):
    assert facts["spread"][mesh] == [True, 30, {"step": 30}, -30.0, True]


def test_what_one_device_wrote_is_read_to_several(facts):
    assert facts["from_before"] == [True, True, True]


def test_damage_is_found_in_every_part(facts):
    assert facts["damaged"] == [1, True, 2]


def test_arrays_may_be_used_up_while_they_are_written(facts):
    assert facts["given_away"]


def test_what_has_no_elements_is_nothing_to_orbax(tmp_path):
    (tmp_path / "arrays").mkdir()
    own_arrays.save(tmp_path / "arrays", {"none": np.zeros((0, 2), np.float32)})
    known = {"none": {"dtype": "float32", "shape": [0, 2]}}
    got = own_arrays.restore(tmp_path / "arrays", known, {"none": None})
    assert got["none"].shape == (0, 2)


def test_one_device_is_none_of_several():
    assert own_arrays.placement_of(jnp.ones(2)) is None
    assert own_arrays.placement_of(np.ones(2)) is None
    assert own_arrays.placement_of(jax.ShapeDtypeStruct((2,), np.float32)) is None
