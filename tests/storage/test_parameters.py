import contextlib
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxmlp import Dense, TrainState, digest, load_params, mlp, save_params

ROOT = Path(__file__).parents[2]


def flipped(array, bit):
    """A copy with one bit changed."""
    raw = bytearray(array.tobytes())
    raw[bit // 8] ^= 1 << bit % 8
    return np.frombuffer(bytes(raw), array.dtype).reshape(array.shape)


def mlp_params():
    return mlp((4, 6, 3)).init(jax.random.key(0))


def flax_params():
    module = linen.Sequential([linen.Dense(3), linen.LayerNorm(), linen.Dense(2)])
    return module.init(jax.random.key(0), jnp.zeros((1, 4)))["params"]


DENSE = Dense(np.ones((2, 1)), np.full(1, 2.0))

ODD_TREES = {
    "one array": np.arange(3.0),
    "many layers": tuple(Dense(np.full((1, 1), i), np.full(1, -i)) for i in range(12)),
    "a layer as a dict in a tuple": ({"bias": np.ones(2), "kernel": np.ones((1, 2))},),
    "other dtypes": {"i": np.int8([-1]), "u": np.uint8([255]), "b": np.array([True])},
    "extreme values": {"x": np.float32([np.nan, -0.0, np.inf, 1e-45])},
    "scalars and empty arrays": {"scalar": np.float64(2.5), "empty": np.zeros((0, 3))},
    "nested": {"a": ({"b": (np.ones(1), np.zeros(2))}, np.ones(3))},
    "layers by name": {"a": DENSE, "b": {"c": DENSE, "d": (DENSE,)}},
    "one layer": DENSE,
    "a kernel and a bias by name": {"a": {"bias": np.ones(2), "kernel": np.ones((1, 2))}},
}

# These would come back as something else.
LOST = {
    "a slash in a name": {"a/b": np.ones(1)},
    "a slash beside what it would be": {"a/b": np.ones(1), "a": {"b": np.ones(2)}},
    "a reserved name": {"sha256": np.ones(1)},
    "another reserved name": {"file": np.ones(1)},
    "numbers as names": {"0": np.ones(1), "1": np.ones(2)},
    "twelve of them": {str(i): np.ones(i) for i in range(12)},
    "whole numbers as names": {1: np.ones(1), 2: np.ones(2)},
    "an empty name": {"": np.ones(1)},
    "names that an archive confuses": {"a": np.ones(1), "a.npy": np.ones(2)},
    "a name that an archive cuts": {"a\0b": np.ones(1), "a": np.ones(2)},
    "a name that has no bytes": {"\ud800": np.ones(1)},
    "an empty node": (DENSE, (), DENSE),
    "an empty dict": {"a": {}, "b": np.ones(1)},
    "an empty dict alone": {},
    "nothing": (),
    "none": {"a": None, "b": np.ones(1)},
    "a tuple with names": {"a": TrainState(np.ones(1), (), np.int32(0))},
    "a random key": {"a": jax.random.key(0)},
    "a string": {"a": "b"},
    "a complex number": {"a": 1j},
}


# --- save and load


@pytest.mark.parametrize("make_params", [mlp_params, flax_params])
def test_parameters_come_back_bit_for_bit(make_params, tmp_path):
    params = make_params()
    save_params(tmp_path / "params.npz", params)
    loaded = load_params(tmp_path / "params.npz")
    assert jax.tree.structure(loaded) == jax.tree.structure(params)
    assert digest(loaded) == digest(params)


@pytest.mark.parametrize("name", ODD_TREES)
def test_odd_trees_come_back_bit_for_bit(name, tmp_path):
    tree = ODD_TREES[name]
    save_params(tmp_path / "tree.npz", tree)
    loaded = load_params(tmp_path / "tree.npz")
    assert jax.tree.structure(loaded) == jax.tree.structure(tree)
    assert digest(loaded) == digest(tree)


names = st.sampled_from(["a", "b", "bias", "kernel", "0", "1", "a/b", "", "sha256"])
trees = st.recursive(
    st.sampled_from([np.float32([1, 2]), np.zeros((0, 2)), np.int8(3), None]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(names, inner, max_size=3),
        st.builds(Dense, inner, inner),
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(trees)
def test_any_tree_comes_back_or_is_refused(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("tree") / "tree.npz"
    with contextlib.suppress(ValueError):
        save_params(path, tree)
        assert_same_but_for_lists(load_params(path), tree)
        return
    assert not list(path.parent.iterdir())


def assert_same_but_for_lists(got, expected):
    if isinstance(expected, dict):
        assert type(got) is dict
        assert got.keys() == expected.keys()
        got, expected = ([tree[name] for name in expected] for tree in (got, expected))
    if isinstance(expected, list | tuple):
        assert isinstance(got, Dense) == isinstance(expected, Dense)
        for ours, theirs in zip(got, expected, strict=True):
            assert_same_but_for_lists(ours, theirs)
    else:
        assert digest(got) == digest(expected)


@pytest.mark.parametrize("name", LOST)
def test_trees_that_would_not_come_back_are_refused_in_one_line(name, tmp_path):
    save_params(tmp_path / "tree.npz", DENSE)
    with pytest.raises(ValueError, match=r"^params need [^\n]+$"):
        save_params(tmp_path / "tree.npz", LOST[name])
    assert [path.name for path in tmp_path.iterdir()] == ["tree.npz"]
    assert digest(load_params(tmp_path / "tree.npz")) == digest(DENSE)


def test_a_killed_save_leaves_nothing_that_the_next_one_does_not_clear(tmp_path):
    program = """
import os, sys
import numpy as np
import jaxmlp

def killed(file, **_):
    file.write(bytes(10**5))
    file.flush()
    os.kill(os.getpid(), 9)

np.savez = killed
jaxmlp.save_params(sys.argv[1], np.ones(3))
"""
    path = tmp_path / "params.npz"
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", program, str(path)], cwd=ROOT, check=False)
        assert done.returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    save_params(path, DENSE)
    assert [file.name for file in tmp_path.iterdir()] == ["params.npz"]
    assert digest(load_params(path)) == digest(DENSE)


def test_saves_at_the_same_time_do_not_mix(tmp_path):
    path, trees = tmp_path / "params.npz", [np.full(50_000, i) for i in range(8)]
    save_params(path, trees[0])
    with ThreadPoolExecutor(8) as pool:
        saves = [pool.submit(save_params, path, tree) for tree in trees * 4]
        while not all(save.done() for save in saves):
            loaded = load_params(path)
            assert (loaded == loaded[0]).all()
    for save in saves:
        save.result()
    assert [file.name for file in tmp_path.iterdir()] == ["params.npz"]


def test_loaded_parameters_give_the_same_logits(tmp_path):
    model, params = mlp((4, 6, 3)), mlp_params()
    save_params(tmp_path / "params.npz", params)
    loaded = load_params(tmp_path / "params.npz")
    inputs = jnp.linspace(0, 1, 4)
    assert (model.apply(loaded, inputs) == model.apply(params, inputs)).all()


def test_a_saved_file_is_the_only_one_and_all_may_read_it(tmp_path):
    save_params(tmp_path / "params.npz", mlp_params())
    (file,) = tmp_path.iterdir()
    assert file.name == "params.npz"
    assert file.stat().st_mode & 0o777 == 0o644


# --- what goes wrong


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "params.npz"
    save_params(path, mlp_params())
    before = path.read_bytes()

    def fail_halfway(file, **_):
        file.write(b"half of it")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail_halfway)
    with pytest.raises(OSError, match="disk full"):
        save_params(path, flax_params())
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["params.npz"]


def test_a_save_replaces_the_old_file(tmp_path):
    save_params(tmp_path / "params.npz", mlp_params())
    save_params(tmp_path / "params.npz", flax_params())
    assert digest(load_params(tmp_path / "params.npz")) == digest(flax_params())


def test_a_dtype_without_a_place_in_the_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"^params need .*, got bfloat16 at 0/kernel$"):
        save_params(tmp_path / "params.npz", (Dense(jnp.ones((1, 1), jnp.bfloat16), jnp.ones(1)),))
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_or_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        save_params(tmp_path / "nowhere" / "params.npz", mlp_params())
    with pytest.raises(FileNotFoundError, match=r"absent\.npz"):
        load_params(tmp_path / "absent.npz")


def test_no_damaged_byte_passes_for_the_parameters(tmp_path):
    path = tmp_path / "params.npz"
    params = {"kernel": np.float32([[1.0, 2.0]]), "bias": np.float32([3.0])}
    save_params(path, params)
    whole, expected = path.read_bytes(), digest(params)
    refused = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            loaded = load_params(path)
        except ValueError:
            refused += 1
        else:  # a time stamp, for one, says nothing of the arrays
            assert digest(loaded) == expected, f"byte {place} of {len(whole)}"
    assert refused > len(whole) / 2


def test_no_truncated_file_passes_for_the_parameters(tmp_path):
    path = tmp_path / "params.npz"
    save_params(path, mlp_params())
    whole = path.read_bytes()
    for length in [0, 1, 10, len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"params\.npz needs to be an undamaged \.npz file"):
            load_params(path)


def test_files_that_are_no_arrays_are_refused_and_never_unpickled(tmp_path):
    path, sprung = tmp_path / "params.npz", tmp_path / "sprung"

    class Trap:
        def __reduce__(self):
            return Path.touch, (sprung,)

    def write_text():
        path.write_text("no arrays here")

    def write_pickle():
        path.write_bytes(pickle.dumps(Trap()))

    def write_array():
        with path.open("wb") as file:
            np.save(file, np.ones(3))

    def write_objects():
        with path.open("wb") as file:
            np.savez(file, kernel=np.array([Trap()], dtype=object), sha256="0" * 64)

    for write in (write_text, write_pickle, write_array, write_objects):
        write()
        with pytest.raises(ValueError, match=r"params\.npz needs to be an undamaged \.npz file"):
            load_params(path)
        assert not sprung.exists()


# --- digest


def test_a_random_key_counts_with_its_bits():
    keys = [jax.random.key(0), jax.random.key(1), jax.random.key(0, impl="rbg")]
    assert len({digest({"key": key}) for key in keys}) == 3
    assert digest({"key": jax.random.key(0)}) == digest({"key": keys[0]})


def test_equal_trees_have_equal_digests_wherever_they_are():
    params = mlp_params()
    copies = [jax.tree.map(np.asarray, params), jax.tree.map(jnp.copy, params), list(params)]
    assert {digest(copy) for copy in copies} == {digest(params)}
    fortran = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert digest(fortran) == digest(np.ascontiguousarray(fortran))


def test_every_single_bit_counts():
    array = np.float32([1.0, -2.0])
    digests = {digest((flipped(array, bit),)) for bit in range(64)}
    assert len(digests | {digest((array,))}) == 65


def test_shape_dtype_and_place_count():
    zeros = np.zeros((2, 3), np.float32)
    trees = [
        zeros,
        zeros.reshape(3, 2),
        zeros.reshape(6),
        zeros.astype(np.int32),
        zeros[:0],
        np.zeros((0, 3), np.int32),
        (zeros,),
        (zeros, zeros),
        {"a": zeros},
        {"b": zeros},
        jnp.zeros((2, 3), jnp.bfloat16),
        jnp.zeros((2, 3), jnp.float16),
    ]
    assert len({digest(tree) for tree in trees}) == len(trees)


def test_a_dict_that_would_come_back_as_a_tuple_is_refused(tmp_path):
    with pytest.raises(ValueError, match="with plain names"):
        save_params(tmp_path / "params.npz", {0: np.ones(2)})
    assert not (tmp_path / "params.npz").exists()
