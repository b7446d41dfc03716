import os
import socket
import subprocess
import sys
from pathlib import Path

import idx_files
import numpy as np
import parquet_files
import pytest

from experiments.data import mnist_family, sources, tfds_cache
from experiments.data.rows import Rows

REAL = Path(os.environ.get("JAXMLP_DATA_DIR", ""))
needs_mnist = pytest.mark.skipif(
    not (REAL / "mnist" / "train-images-idx3-ubyte.gz").is_file(),
    reason="$JAXMLP_DATA_DIR/mnist has no MNIST",
)


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine with an empty home and no network."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("JAXMLP_DATA_DIR", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)

    def lookup(*args, **kwargs):
        raise socket.gaierror("no network")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return tmp_path


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Registers small files in place of MNIST's; returns where copies of them lie."""
    packed = idx_files.write(tmp_path / "small" / "mnist")
    monkeypatch.setattr(tfds_cache, "registered", lambda name: packed)
    return tmp_path / "small"


def test_digits():
    data = sources.load("digits")
    assert (data.train_inputs.shape, data.test_inputs.shape) == ((1438, 64), (359, 64))
    assert (data.train_inputs.dtype, data.train_labels.dtype) == (np.float32, np.int32)
    assert (data.test_inputs.dtype, data.test_labels.dtype) == (np.float32, np.int32)
    assert (data.name, data.num_classes, data.image_shape) == ("digits", 10, (8, 8))
    assert (data.train_inputs.min(), data.train_inputs.max()) == (0, 1)
    counts = np.bincount(data.train_labels) + np.bincount(data.test_labels)
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.abs(np.bincount(data.test_labels) - counts / 5).max() < 1
    assert data.source.startswith("scikit-learn ")


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    data, (pixels, labels) = sources.load("digits"), load_digits(return_X_y=True)
    inputs = np.concatenate([data.train_inputs, data.test_inputs])
    labels_kept = [*data.train_labels, *data.test_labels]
    rows = {(*x, y) for x, y in zip(16 * inputs, labels_kept, strict=True)}
    assert rows == {(*x, y) for x, y in zip(pixels, labels, strict=True)}


def test_the_digest_is_of_the_content(tmp_path, small_mnist, monkeypatch):
    first = sources.load("mnist", small_mnist)
    assert len(first.sha256) == 64
    unpacked = idx_files.write(tmp_path / "unpacked", packed=False)
    monkeypatch.setattr(mnist_family, "MNIST_UNPACKED", unpacked)
    assert sources.load("mnist", tmp_path / "unpacked").sha256 == first.sha256

    digests = {first.sha256}
    x, y = np.arange(20), np.arange(20) % 2
    for inputs, labels in (
        (x, y),
        (x.reshape(10, 2), y[:10]),
        (x.astype(np.uint8), y),
        (x + 1, y),
        (x, 1 - y),
    ):
        np.savez(tmp_path / "data.npz", x=inputs, y=labels)
        digests.add(sources.load(str(tmp_path / "data.npz")).sha256)
    assert len(digests) == 6


def test_places_are_looked_at_in_order(tmp_path, monkeypatch):
    default = tmp_path / "tensorflow_datasets"
    assert sources.places() == (default,)
    monkeypatch.setenv("JAXMLP_DATA_DIR", "~/ours")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "tfds"))
    expected = (tmp_path / "given", tmp_path / "ours", tmp_path / "tfds", default)
    assert sources.places("~/given") == expected
    assert sources.places("~/ours") == expected[1:]
    assert sources.places(Path("~/ours")) == expected[1:]


@pytest.mark.parametrize("where", ["data_dir", "JAXMLP_DATA_DIR", "TFDS_DATA_DIR", "home"])
def test_mnist_is_found_in_every_place(tmp_path, small_mnist, monkeypatch, where):
    if where == "home":
        small_mnist.rename(tmp_path / "tensorflow_datasets")
    elif where != "data_dir":
        monkeypatch.setenv(where, str(small_mnist))
    data = sources.load("mnist", small_mnist if where == "data_dir" else None)
    assert (data.train_inputs.shape, data.test_inputs.shape) == ((20, 784), (10, 784))
    assert (data.name, data.num_classes, data.image_shape) == ("mnist", 10, (28, 28))
    assert "IDX files" in data.source


@pytest.mark.parametrize(
    ("data_dir", "variable", "expected"),
    [(None, None, "tensorflow_datasets"), (None, "tfds", "tfds"), ("given", "tfds", "given")],
)
def test_downloads_go_where_tfds_keeps_them(
    tmp_path, small_mnist, monkeypatch, data_dir, variable, expected
):
    targets = []

    def download(name, entries, place):
        targets.append(place)
        return {file: small_mnist / "mnist" / file for file in entries}

    monkeypatch.setattr(tfds_cache, "download", download)
    if variable:
        monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / variable))
    monkeypatch.setenv("JAXMLP_DATA_DIR", str(tmp_path / "read only"))
    sources.load("mnist", data_dir and tmp_path / data_dir)
    assert targets == [tmp_path / expected]


@pytest.mark.parametrize("name", [name for name in sources.NAMES if name not in ("auto", "digits")])
def test_without_network_an_explicit_name_fails_in_one_message(tmp_path, name, capfd, monkeypatch):
    lookups = []

    def lookup(host, *args, **kwargs):
        lookups.append(host)
        raise socket.gaierror("no network")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    with pytest.raises(sources.NotAvailable) as caught:
        sources.load(name, tmp_path / "given")
    assert len(lookups) == 1  # TFDS would try for minutes
    message = str(caught.value)
    assert message.startswith(f"{name} is not on this machine, and it cannot be downloaded from ")
    assert f"Looked in {tmp_path / 'given'}, {tmp_path / 'tensorflow_datasets'}; " in message
    assert "--dataset=digits" in message
    assert isinstance(caught.value, sources.DataError)
    assert capfd.readouterr() == ("", "")


def test_auto_takes_mnist_where_it_is(small_mnist):
    data, notice = sources.load_auto(small_mnist)
    assert (data.name, notice) == ("mnist", None)
    assert sources.load("auto", small_mnist).sha256 == data.sha256


def test_auto_says_loudly_that_digits_took_its_place():
    data, notice = sources.load_auto()
    assert data.name == "digits"
    assert data.sha256 == sources.load("digits").sha256
    assert notice.startswith("MNIST WAS NOT TO BE HAD: scikit-learn's digits take its place.\n")
    assert "Looked in " in notice
    assert "IN PLACE OF MNIST, WHICH WAS NOT TO BE HAD: mnist is not on this" in data.source
    assert "\n" not in data.source
    assert sources.load("auto").source == data.source


def test_auto_takes_no_digits_where_mnist_is_damaged(small_mnist):
    (small_mnist / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"x")
    with pytest.raises(sources.DataError, match=r"t10k-labels.*: expected \d+ bytes, got 1"):
        sources.load_auto(small_mnist)


def test_a_file_of_one_s_own(tmp_path):
    path = tmp_path / "own.npz"
    np.savez(path, x=np.arange(40).reshape(10, 2, 2), y=np.arange(10) % 3)
    data = sources.load(str(path))
    assert (data.train_inputs.shape, data.test_inputs.shape) == ((8, 4), (2, 4))
    assert (data.num_classes, data.image_shape) == (3, (2, 2))
    assert (data.name, data.source) == (str(path), f"the file {path}")
    assert sources.load("~/own.npz").sha256 == data.sha256
    np.savez(path, x=np.full((10, 2), np.nan), y=np.arange(10))
    with pytest.raises(sources.DataError, match="got 20 NaN or infinite, the first in row 0"):
        sources.load(str(path))
    assert np.isnan(sources.load(str(path), check_finite=False).train_inputs).all()


def test_classes_are_counted_over_both_parts(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((10, 1)), y=np.arange(10))
    data = sources.load(str(tmp_path / "a.npz"))
    assert (len(set(data.train_labels)), data.num_classes) == (8, 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "mnits",
            r"expected a data set \(auto, mnist, .*, digits, path/to/file.npz or .*, or a "
            r"folder\), got 'mnits'; ",
        ),
        ("mnits", "did you mean mnist"),
        ("emnist/leters", "did you mean emnist/letters"),
        ("MNIST.csv", "got 'MNIST.csv'"),
        ("", r"got ''$"),
        ("some.array_record", "expected the folder that .* prepared, .*; got one file of them"),
        ("missing.parquet", "missing.parquet: expected a Parquet file, got no such file"),
        ("missing.npz", "missing.npz: expected an .npz file, got no such file"),
    ],
)
def test_names_that_are_none(name, message):
    with pytest.raises(sources.DataError, match=message) as caught:
        sources.load(name)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_data_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(sources.DataError, match="file: expected a directory of data, got a file"):
        sources.load("mnist", tmp_path / "file")


def test_without_scikit_learn_one_line_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(sources.DataError, match="digits: expected scikit-learn to be installed"):
        sources.load("digits")


def imported_by_loading(*args):
    """The heavy packages that a new process has imported after `sources.load(*args)`."""
    code = (
        "import sys; from experiments.data import sources; sources.load(*sys.argv[1:]); "
        "print(*{'tensorflow_datasets', 'sklearn', 'requests', 'matplotlib'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, *map(str, args)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_heavy_packages_are_imported_only_where_needed(tmp_path):
    np.savez(tmp_path / "own.npz", x=np.zeros((5, 1)), y=np.zeros(5, int))
    assert imported_by_loading(tmp_path / "own.npz") == []
    assert imported_by_loading("digits") == ["sklearn"]


@needs_mnist
def test_finding_mnist_imports_nothing_heavy():
    assert imported_by_loading("mnist", REAL) == []


@needs_mnist
def test_the_real_mnist():
    data = sources.load("mnist", REAL)
    assert (data.train_inputs.shape, data.test_inputs.shape) == ((60000, 784), (10000, 784))
    assert (data.train_inputs.dtype, data.train_labels.dtype) == (np.uint8, np.int32)
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert round(data.train_inputs.mean() / 255, 4) == 0.1307
    assert np.bincount(data.test_labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    assert "in their own order; verified by sha256" in data.source


@needs_mnist
def test_the_real_mnist_is_refused_with_one_bit_flipped(tmp_path):
    for path in (REAL / "mnist").glob("*.gz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "train-images-idx3-ubyte.gz"
    data = bytearray(path.read_bytes())
    data[5_000_000] ^= 4
    path.write_bytes(data)
    with pytest.raises(sources.DataError, match=f"{path}: expected sha256 440fcabf73cc"):
        sources.load("auto", tmp_path)


@pytest.fixture
def table(tmp_path):
    """A Parquet file, and the same in an .npz file."""
    x, y = np.random.default_rng(0).normal(size=(100, 5)), np.arange(100) % 4
    parquet_files.write(tmp_path / "some.parquet", x=x, label=y)
    np.savez(tmp_path / "some.npz", x=x, y=y)
    return str(tmp_path / "some.parquet"), str(tmp_path / "some.npz")


@pytest.mark.parametrize(
    ("window", "kinds"),
    [
        (None, (np.ndarray, np.ndarray)),
        (10**6, (np.ndarray, np.ndarray)),
        (80 * 24, (np.ndarray, np.ndarray)),  # bytes of 80 examples, with their labels
        (80 * 24 - 1, (Rows, np.ndarray)),
        (1, (Rows, Rows)),
    ],
)
def test_a_table_is_what_the_same_arrays_are_in_memory_or_not(table, window, kinds):
    data, expected = sources.load(table[0], window=window), sources.load(table[1])
    assert (type(data.train_inputs), type(data.test_inputs)) == kinds
    assert (data.sha256, data.num_classes) == (expected.sha256, 4)
    assert data.source == f"the file {table[0]}"
    split, held = (
        sources.hold_out(data, 0.25),
        sources.hold_out(expected._replace(name=data.name), 0.25),
    )
    for got, other in zip(split[:6], held[:6], strict=True):
        np.testing.assert_array_equal(np.asarray(got), np.asarray(other))


def test_a_table_that_the_memory_does_not_hold_is_refused_with_what_to_do(table, monkeypatch):
    monkeypatch.setattr(sources.memory, "available", lambda place: 2 * 80 * 20 - 1)
    with pytest.raises(sources.DataError, match="expected inputs for the memory, or --window, got"):
        sources.load(table[0])
    assert sources.load(table[0], window=1).train_inputs.shape == (80, 5)
