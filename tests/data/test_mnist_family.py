import gzip
import os
import re
import zipfile
from pathlib import Path

import idx_files
import numpy as np
import pytest
import tfds_files

from experiments.data import mnist_family, tfds_cache, tfds_prepared
from experiments.data.idx import DataError
from experiments.data.mnist_family import EMNIST_ARCHIVE, FAMILIES
from experiments.data.tfds_cache import NotAvailable

EMNIST = FAMILIES["emnist/letters"].files
LETTERS = idx_files.arrays(first_label=1, num_classes=26)


@pytest.fixture(autouse=True)
def catalogue(tmp_path, monkeypatch):
    """Registers the small files in place of the real ones; nothing can be downloaded."""
    packed = idx_files.write(tmp_path / "catalogue", packed=True)
    unpacked = idx_files.write(tmp_path / "catalogue", packed=False)
    other = {name: idx_files.register(name, b"another data set's") for name in packed}
    archive = {EMNIST_ARCHIVE: idx_files.register(EMNIST_ARCHIVE, emnist_archive(tmp_path))}
    packed = dict(sorted(packed.items()))  # as TFDS lists them: not in the family's order
    registered = {"mnist": packed, "fashion_mnist": packed, "kmnist": other, "emnist": archive}
    monkeypatch.setattr(tfds_cache, "registered", registered.__getitem__)
    monkeypatch.setattr(mnist_family, "MNIST_UNPACKED", unpacked)
    monkeypatch.setattr(tfds_cache, "unreachable", lambda url: "ConnectionError")
    return packed


@pytest.fixture
def place(tmp_path):
    return tmp_path / "data"


def emnist_archive(folder):
    path = folder / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in zip(EMNIST, LETTERS, strict=True):
            member = zipfile.ZipInfo(f"gzip/{name}.gz")  # whose time is always the same
            archive.writestr(member, idx_files.pack(array))
    return path.read_bytes()


def load(name, *places):
    return mnist_family.load(name, places, places[0])


def assert_loaded(arrays, stored, first_label=0, transposed=False):
    for pixels, labels, images, classes in (
        (*arrays[:2], *stored[:2]),
        (*arrays[2:], *stored[2:]),
    ):
        assert (pixels.dtype, labels.dtype) == (np.uint8, np.int32)
        upright = images.transpose(0, 2, 1) if transposed else images
        np.testing.assert_array_equal(pixels.reshape(-1, 28, 28), upright)
        np.testing.assert_array_equal(labels, classes.astype(int) - first_label)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("folder", [".", "mnist", "MNIST/raw"])
def test_mnist_in_every_layout(place, folder, packed):
    idx_files.write(place / folder, packed=packed)
    arrays, source = load("mnist", place.parent / "missing", place)
    assert_loaded(arrays, idx_files.arrays())
    assert str(place / folder) in source
    assert source.endswith("in their own order; verified by sha256")
    assert ("train-images-idx3-ubyte.gz" in source) == packed


@pytest.mark.parametrize("folder", ["downloads", "downloads/mnist"])
def test_mnist_in_tfds_cache(place, catalogue, folder):
    from tensorflow_datasets.core.download import resource

    (place / folder).mkdir(parents=True)
    for name, array in zip(idx_files.MNIST, idx_files.arrays(), strict=True):
        entry = catalogue[f"{name}.gz"]
        cached = resource.get_dl_fname(entry.url, entry.sha256)
        (place / folder / cached).write_bytes(idx_files.pack(array))
    arrays, source = load("mnist", place)
    assert_loaded(arrays, idx_files.arrays())
    assert str(place / folder) in source
    next((place / folder).glob("*t10k-labels*")).write_bytes(b"x")
    with pytest.raises(DataError, match=r"downloads.*t10k-labels.*: expected \d+ bytes, got 1;"):
        load("mnist", place)


def test_packed_files_go_before_unpacked_ones_and_earlier_places_first(place):
    idx_files.write(place / "one" / "mnist", packed=False)
    idx_files.write(place / "one" / "mnist", packed=True)
    idx_files.write(place / "two", packed=True)
    source = load("mnist", place / "one", place / "two")[1]
    assert "train-images-idx3-ubyte.gz" in source
    assert str(place / "one" / "mnist") in source


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", idx_files.MNIST)
def test_a_flipped_byte_is_an_error_wherever_it_is(place, name, packed):
    idx_files.write(place / "one" / "mnist", packed=packed)
    idx_files.write(place / "two" / "mnist")
    path = place / "one" / "mnist" / (f"{name}.gz" if packed else name)
    data = bytearray(path.read_bytes())
    data[-12] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"{path}: expected sha256 [0-9a-f]{{64}}, got ") as caught:
        load("mnist", place / "one", place / "two")
    assert not isinstance(caught.value, NotAvailable)
    assert "\n" not in str(caught.value)


def test_a_cut_file_is_an_error(place, catalogue):
    idx_files.write(place)
    path = place / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:1000])
    size = catalogue[path.name].size
    with pytest.raises(DataError, match=f"{path}: expected {size} bytes, got 1000; delete it"):
        load("mnist", place)


def test_a_missing_file_of_four_is_an_error(place):
    idx_files.write(place / "mnist")
    (place / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"expected 4 files, got 3 without t10k-labels-idx1-ubyte"):
        load("mnist", place)


def test_an_unreadable_file_is_one_line(place, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied", "train-images-idx3-ubyte.gz")

    idx_files.write(place)
    monkeypatch.setattr(mnist_family.idx, "verify", refuse)
    with pytest.raises(DataError, match=r"mnist: expected readable files, got .*Permission denied"):
        load("mnist", place)


def test_packed_relatives_are_verified(place):
    idx_files.write(place / "FashionMNIST/raw")
    arrays, source = load("fashion_mnist", place)
    assert_loaded(arrays, idx_files.arrays())
    assert source.endswith("verified by sha256")
    assert "not verified" not in source
    idx_files.write(place / "kmnist")
    with pytest.raises(DataError, match=r"kmnist/train-images-idx3-ubyte.gz: expected 18 bytes"):
        load("kmnist", place)


def test_unpacked_relatives_are_read_but_said_to_be_unverified(place):
    idx_files.write(place / "kmnist", packed=False)
    arrays, source = load("kmnist", place)
    assert_loaded(arrays, idx_files.arrays())
    assert "t10k-labels-idx1-ubyte not verified by sha256" in source
    assert_loaded(load("kmnist", place / "kmnist")[0], idx_files.arrays())


@pytest.mark.parametrize("packed", [True, False])
def test_mnist_is_never_taken_for_a_relative(place, packed):
    idx_files.write(place, packed=packed)
    idx_files.write(place / "mnist", packed=packed)
    for name in ("fashion_mnist", "kmnist"):
        with pytest.raises(NotAvailable, match=f"{name} is not on this machine"):
            load(name, place)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda a: (a[0], a[1] + 250, *a[2:]),
            "expected training labels from 0 to 9, got 0 to 255",
        ),
        (lambda a: (*a[:3], a[3] + 1), "expected test labels from 0 to 9, got 1 to 10"),
        (lambda a: (a[0], a[1][:-1], *a[2:]), "expected training labels for 20 images, got 19"),
        (lambda a: (*a[:2], a[2][:, :27], a[3]), r"test images \(N, 28, 28\), got \(10, 27, 28\)"),
        (lambda a: (a[0][:0], a[1][:0], *a[2:]), r"images \(N, 28, 28\), got \(0, 28, 28\)"),
        (
            lambda a: (a[1], a[0], *a[2:]),
            "train-images-idx3-ubyte: expected magic number 2051, got",
        ),
    ],
)
def test_unverified_files_are_checked(place, change, message):
    idx_files.write(place / "kmnist", packed=False, stored=change(idx_files.arrays()))
    with pytest.raises(DataError, match=f"{place / 'kmnist'}.*{message}"):
        load("kmnist", place)


@pytest.mark.parametrize("folder", [".", "emnist", "EMNIST/raw"])
def test_emnist_from_its_archive(place, tmp_path, folder):
    (place / folder).mkdir(parents=True)
    path = place / folder / EMNIST_ARCHIVE
    path.write_bytes(emnist_archive(tmp_path))
    arrays, source = load("emnist/letters", place)
    assert_loaded(arrays, LETTERS, first_label=1, transposed=True)
    assert arrays[1][:3].tolist() == [0, 1, 2]
    assert f"gzip.zip in {place / folder}" in source
    assert source.endswith("; verified by sha256")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"gzip.zip: expected \d+ bytes, got \d+"):
        load("emnist/letters", place)


@pytest.mark.parametrize("packed", [True, False])
def test_emnist_from_loose_files(place, packed):
    idx_files.write(place / "emnist", EMNIST, packed, LETTERS)
    arrays, source = load("emnist/letters", place)
    assert_loaded(arrays, LETTERS, first_label=1, transposed=True)
    assert "not verified by sha256" in source
    if packed:
        path = place / "emnist" / f"{EMNIST[0]}.gz"
        path.write_bytes(path.read_bytes()[:-20])
        with pytest.raises(
            DataError, match=f"{path}: expected a whole gzip file, got .*ended before"
        ):
            load("emnist/letters", place)


def test_emnist_labels_have_their_configuration_s_range(place):
    zero = (LETTERS[0], LETTERS[1] - 1, *LETTERS[2:])
    idx_files.write(place / "emnist", EMNIST, False, zero)
    with pytest.raises(DataError, match="expected training labels from 1 to 26, got 0 to 19"):
        load("emnist/letters", place)


@pytest.mark.parametrize(
    ("name", "stored"), [("mnist", idx_files.arrays()), ("emnist/letters", LETTERS)]
)
def test_prepared_data_is_read_where_there_are_no_idx_files(place, name, stored):
    directory = tfds_files.prepare(place, name, stored)
    arrays, source = load(name, place.parent / "missing", place)
    raw = tfds_prepared.read_prepared(directory)
    assert_loaded(arrays, raw, *((1, True) if "emnist" in name else ()))
    assert str(directory) in source
    assert "the order of its files, which is not that of the IDX files" in source


def test_idx_files_go_before_prepared_data(place):
    tfds_files.prepare(place / "one", "mnist", idx_files.arrays())
    idx_files.write(place / "two" / "MNIST" / "raw")
    assert load("mnist", place / "one", place / "two")[1].startswith("the IDX files")


def test_what_is_not_here_is_downloaded_and_verified(place, monkeypatch):
    def download(name, entries, target):
        idx_files.write(target / "downloads")
        return {file: target / "downloads" / file for file in entries}

    calls = []
    monkeypatch.setattr(
        tfds_cache, "download", lambda *args: calls.append(args[0]) or download(*args)
    )
    arrays, source = mnist_family.load("mnist", [place], place.parent / "target")
    assert calls == ["mnist"]
    assert_loaded(arrays, idx_files.arrays())
    assert str(place.parent / "target") in source
    with pytest.raises(DataError, match="expected 18 bytes"):
        mnist_family.load("kmnist", [place], place.parent / "target")


def test_without_network_one_message_says_what_to_do(place):
    other = place.parent / "other"
    with pytest.raises(NotAvailable) as caught:
        load("mnist", place, other)
    message = str(caught.value)
    assert message.count("\n") == 3
    assert message.startswith("mnist is not on this machine, and it cannot be downloaded from ")
    assert "https://data.invalid/train-images-idx3-ubyte.gz: ConnectionError" in message
    assert re.search(f"Looked in {place}, {other}; in each: ., mnist, MNIST/raw, downl", message)
    assert f"t10k-labels-idx1-ubyte.gz into {place / 'mnist'}, or name a dir" in message
    assert "$JAXMLP_DATA_DIR" in message
    assert "--dataset=digits" in message


def test_the_advice_is_right(place):
    with pytest.raises(NotAvailable) as caught:
        load("fashion_mnist", place)
    (folder,) = re.findall("ubyte.gz into (.*), or name", str(caught.value))
    assert folder == str(place / "fashion_mnist")
    idx_files.write(place / "fashion_mnist")
    assert_loaded(load("fashion_mnist", place)[0], idx_files.arrays())


def test_unpacked_digests_are_those_of_the_registered_files(monkeypatch):
    folder = Path(os.environ.get("JAXMLP_DATA_DIR", ""), "mnist")
    if not (folder / "train-images-idx3-ubyte.gz").is_file():
        pytest.skip("$JAXMLP_DATA_DIR/mnist has no MNIST")
    monkeypatch.undo()  # the real catalogue and the real constants
    packed = tfds_cache.registered("mnist")
    for name, unpacked in mnist_family.MNIST_UNPACKED.items():
        data = (folder / f"{name}.gz").read_bytes()
        assert idx_files.register(f"{name}.gz", data)[1:] == packed[f"{name}.gz"][1:]
        assert idx_files.register(name, gzip.decompress(data))[1:] == unpacked[1:]
