import pickle
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen

from jaxmlp import Dense, digest, load_params, mlp, save_params


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


ODD_TREES = {
    "one array": np.arange(3.0),
    "many layers": tuple(Dense(np.full((1, 1), i), np.full(1, -i)) for i in range(12)),
    "a layer as a dict in a tuple": ({"bias": np.ones(2), "kernel": np.ones((1, 2))},),
    "other dtypes": {"i": np.int8([-1]), "u": np.uint8([255]), "b": np.array([True])},
    "extreme values": {"x": np.float32([np.nan, -0.0, np.inf, 1e-45])},
    "scalars and empty arrays": {"scalar": np.float64(2.5), "empty": np.zeros((0, 3))},
    "nested": {"a": ({"b": (np.ones(1), np.zeros(2))}, np.ones(3))},
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
