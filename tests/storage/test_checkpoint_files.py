import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from checkpoint_folders import files_of, saved

from jaxmlp import TrainState, init_state, mlp
from jaxmlp.storage.checkpoint_files import (
    DamagedError,
    checked_leaves,
    load,
    read_manifest,
    verify,
)

ODD_TREES = {
    "one array": np.arange(3.0),
    "nothing": {},
    "no element": {"empty": np.zeros((0, 3), np.float32)},
    "numbers": {"whole": 3, "real": 2.5, "scalar": np.float32(-0.0), "flag": np.bool_(True)},
    "nested": {"a": ({"b": [np.ones(1), np.zeros(2)]}, None, np.ones(3)), "c": ()},
    "extreme values": np.array([0x7FC00001, 0xFFA5A5A5, 0x80000000, 1], np.uint32).view(np.float32),
    "not contiguous": {"t": np.arange(6.0).reshape(2, 3).T, "r": np.arange(4)[::-1]},
    "big-endian": np.array([1, 258], ">i4"),
    "names": {"a b": np.ones(1), "ä/ö": np.zeros(1), "": np.full(1, 2.0)},
    "misaligned": {"a": np.int8([1]), "b": np.float64([1.5]), "c": np.bool_([True, False])},
    "dtypes": {
        dtype: np.arange(4).astype(dtype)
        for dtype in ["bool", "int8", "int32", "uint32", "int64", "float16", "float64", "complex64"]
    },
    "short dtypes": {
        dtype: np.asarray(jnp.arange(4).astype(dtype))
        for dtype in ["bfloat16", "float8_e4m3fn", "int4"]
    },
}


def bits(tree):
    """What must not change: every leaf's dtype, shape and bytes, and the structure around them."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(jax.device_get(tree))]
    return jax.tree.structure(tree), [(str(x.dtype), x.shape, x.tobytes()) for x in leaves]


# --- there and back


@pytest.mark.parametrize("name", ODD_TREES)
def test_every_bit_comes_back(name, tmp_path, capfd, caplog):
    tree = ODD_TREES[name]
    path = saved(tmp_path / "7", tree)
    restored = load(path, verify(path), like=tree).tree
    assert bits(restored) == bits(tree)
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(restored))
    assert (capfd.readouterr(), caplog.records) == (("", ""), [])


def test_a_training_state_comes_back_into_shapes_alone(tmp_path):
    optimizer = optax.adam(1e-3)
    state = init_state(mlp((4, 6, 3)).init(jax.random.key(0)), optimizer)
    like = jax.eval_shape(lambda: init_state(mlp((4, 6, 3)).init(jax.random.key(0)), optimizer))
    path = saved(tmp_path / "7", state)
    restored = load(path, verify(path), like).tree
    assert isinstance(restored, TrainState)
    assert bits(restored) == bits(state)


def test_restored_arrays_are_the_callers_own(checkpoint):
    like = {"kernel": np.zeros((1, 3), np.float32), "bias": np.zeros(1, np.float32)}
    tree = load(checkpoint, verify(checkpoint), like).tree
    tree["kernel"][:] = 9
    assert tree["bias"] == 0.5


def test_step_record_and_score_come_back(tmp_path):
    record = {"text": "ä", "list": [1, 2.5, None], "nan": float("nan")}
    path = saved(tmp_path / "7", np.zeros(1), 7, record, float("inf"))
    found = load(path, verify(path), np.zeros(1))
    assert (found.step, found.score) == (7, float("inf"))
    assert json.dumps(found.record) == json.dumps(record)


@pytest.mark.parametrize("size", [1, 2, 300, 1_000_003])
def test_the_arrays_are_what_orbax_writes_and_reads(size, tmp_path):
    import orbax.checkpoint as ocp

    data = np.random.default_rng(size).integers(0, 256, size, dtype=np.uint8)
    path = saved(tmp_path / "7", (data[: size // 3], data[size // 3 :]))
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=False, use_compression=False)
    (tmp_path / "orbax").mkdir()
    handler.save(tmp_path / "orbax", args=ocp.args.PyTreeSave({"leaves": data}))
    ours, theirs = (
        {str(file.relative_to(folder)): file.read_bytes() for file in files_of(folder)}
        for folder in (path / "arrays", tmp_path / "orbax")
    )
    assert ours == theirs
    assert (handler.restore(path / "arrays")["leaves"] == data).all()


def test_the_manifest_tells_a_reader_everything(checkpoint):
    text = json.loads((checkpoint / "manifest.json").read_text())["manifest"]
    assert text == read_manifest(checkpoint)
    assert (text["name"], text["step"], text["score"]) == ("7", 7, 0.5)
    assert text["leaves"] == {
        "bias": {"dtype": "float32", "shape": [1]},
        "kernel": {"dtype": "float32", "shape": [1, 3]},
    }
    on_disk = {str(file.relative_to(checkpoint)) for file in files_of(checkpoint)}
    assert {*text["files"], "manifest.json"} == on_disk
    assert text["files"]["arrays/leaves/0"]["size"] == 16


# --- another network's checkpoint


def float32(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


@pytest.mark.parametrize(
    ("like", "message"),
    [
        (
            {"kernel": float32(1, 4), "bias": float32(1)},
            r"^kernel needs to be float32 \(1, 4\), got float32 \(1, 3\) in .*7$",
        ),
        (
            {"kernel": float32(1, 3), "bias": jax.ShapeDtypeStruct((1,), jnp.bfloat16)},
            r"^bias needs to be bfloat16 \(1,\), got float32 \(1,\) in",
        ),
        (
            {"kernel": float32(1, 3), "bias": float32(1), "scale": float32()},
            r"^scale needs to be float32 \(\), got absent in",
        ),
        ({"kernel": float32(1, 3)}, r"^bias needs to be absent, got float32 \(1,\) in"),
        (
            {"layer": {"kernel": float32(1, 3), "bias": float32(1)}},
            r"^layer/bias needs to be float32 \(1,\), got absent in",
        ),
    ],
)
def test_another_tree_is_refused_by_the_name_of_a_leaf(checkpoint, like, message):
    with pytest.raises(ValueError, match=message) as caught:
        load(checkpoint, verify(checkpoint), like)
    assert not isinstance(caught.value, DamagedError)


@pytest.mark.parametrize(
    ("leaf", "dtype"),
    [
        (np.array("text"), "<U4"),
        (np.array([{}]), "object"),
        (np.array("2000-01-01", "datetime64[D]"), r"datetime64\[D\]"),
    ],
)
def test_leaves_that_are_no_numbers_are_refused(leaf, dtype):
    with pytest.raises(TypeError, match=f"^state/0 needs to be an array of numbers, got {dtype}$"):
        checked_leaves({"state": (leaf,)})


def test_random_keys_come_back_from_their_bits(tmp_path):
    tree = {"noise": jax.random.split(jax.random.key(5), 3), "step": np.int32(2)}
    path = saved(tmp_path / "7", tree)
    found = load(path, verify(path), jax.eval_shape(lambda: tree)).tree
    assert found["noise"].dtype == tree["noise"].dtype
    assert (jax.random.key_data(found["noise"]) == jax.random.key_data(tree["noise"])).all()
    other = {"noise": jax.random.split(jax.random.key(5, impl="rbg"), 3), "step": np.int32(2)}
    with pytest.raises(ValueError, match=r"^noise/bits needs to be uint32 \(3, 4\), got uint32"):
        load(path, verify(path), other)


def test_two_leaves_of_one_name_are_refused():
    with pytest.raises(ValueError, match="^every leaf needs a name of its own, got two of a/b$"):
        checked_leaves({"a": {"b": 1.0}, "a/b": 2.0})


# --- writing


def test_a_write_that_fails_leaves_nothing(checkpoint, monkeypatch):
    folder = checkpoint.parent

    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        saved(folder / "8", np.zeros(3))
    assert os.listdir(folder) == ["7"]


def test_all_is_on_the_disk_before_it_is_in_place(tmp_path, monkeypatch):
    calls = []
    sync, rename = os.fsync, os.rename
    monkeypatch.setattr(
        os, "fsync", lambda fd: (calls.append(os.readlink(f"/proc/self/fd/{fd}")), sync(fd))
    )
    monkeypatch.setattr(os, "rename", lambda *paths: (calls.append("rename"), rename(*paths)))
    path = saved(tmp_path / "7", np.zeros(3))
    before, after = calls[: calls.index("rename")], calls[calls.index("rename") + 1 :]
    inside = [path, *path.rglob("*")]
    scratch = tmp_path / ".7.saving"
    assert {Path(call) for call in before} == {scratch / p.relative_to(path) for p in inside}
    assert after == [str(tmp_path)]
