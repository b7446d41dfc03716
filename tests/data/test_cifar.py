import os
import pickle
import socket
from types import SimpleNamespace

import cifar_files
import numpy as np
import pytest

from experiments.data import cifar, sources, tfds_cache


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """A machine without a network, and what is registered of small archives in both forms."""
    known = {}
    for form in ("bin", "py"):
        known |= cifar_files.write(tmp_path / form, form)
    monkeypatch.setattr(cifar, "registered", lambda: known)
    monkeypatch.setattr(tfds_cache, "unreachable", lambda url: "ConnectionError")
    return tmp_path


def load(*places):
    return cifar.load(places, places[0])


def whole(names):
    stored = cifar_files.batches()
    return (np.concatenate([stored[name][half] for name in names]) for half in (0, 1))


@pytest.mark.parametrize("form", ["bin", "py"])
@pytest.mark.parametrize("folder", [".", "cifar10", "cifar-10"])
def test_either_archive_gives_pictures_pixel_by_pixel(machine, form, folder):
    (machine / form).rename(machine / "here")
    place = machine / "here"
    if folder != ".":
        place = machine / "place"
        place.mkdir()
        (machine / "here").rename(place / folder)
    (x, y, x_test, y_test), source = load(machine / "empty", place)
    planes, labels = whole(cifar_files.BATCHES[:5])
    assert (x.dtype, x.shape, y.dtype) == (np.uint8, (50, 3072), np.int32)
    assert y.tolist() == labels.tolist()
    red, green, blue = planes.reshape(50, 3, 32, 32)[7, :, 2, 5]
    assert x.reshape(50, 32, 32, 3)[7, 2, 5].tolist() == [red, green, blue]
    planes, labels = whole(["test_batch"])
    assert x_test[0, ::3].tolist() == planes[0, :1024].tolist()
    assert y_test.tolist() == labels.tolist()
    assert source.endswith(", verified by sha256")


@pytest.mark.parametrize("form", ["bin", "py"])
def test_unpacked_folders_are_read_too_and_the_source_says_that_they_were_not_verified(
    machine, form
):
    packed, _ = load(machine / form)
    for name, data in cifar_files.files(form).items():
        path = machine / "loose" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    loose, source = load(machine / "loose")
    for a, b in zip(packed, loose, strict=True):
        np.testing.assert_array_equal(a, b)
    assert source.endswith(f"cifar-10-batches-{form}, not verified by sha256")


def test_the_cache_of_tfds_is_looked_into(machine):
    known = cifar.registered()["cifar-10-binary.tar.gz"]
    cache = machine / "data" / "downloads" / "cifar10"
    cache.mkdir(parents=True)
    name = tfds_cache.base64.urlsafe_b64encode(bytes.fromhex(known.sha256)).decode().rstrip("=")
    (machine / "bin" / "cifar-10-binary.tar.gz").rename(cache / f"cs.toronto_{name}.gz")
    (x, *_), source = load(machine / "data")
    assert x.shape == (50, 3072)
    assert "downloads" in source


def test_a_download_is_read_and_verified(machine, monkeypatch):
    asked = []

    def download(name, entries, place):
        asked.append((name, list(entries), place))
        return {"cifar-10-binary.tar.gz": machine / "bin" / "cifar-10-binary.tar.gz"}

    monkeypatch.setattr(tfds_cache, "download", download)
    (x, *_), _ = cifar.load([machine / "empty"], machine / "target")
    assert x.shape == (50, 3072)
    assert asked == [("cifar10", ["cifar-10-binary.tar.gz"], machine / "target")]


def test_offline_it_says_what_to_put_where(machine):
    with pytest.raises(tfds_cache.NotAvailable) as caught:
        load(machine / "empty", machine / "none")
    text = str(caught.value)
    assert f"Looked in {machine / 'empty'}, {machine / 'none'}; in each: ., cifar10," in text
    assert text.startswith("cifar10 is not on this machine, and it cannot be downloaded from https")
    assert "Put cifar-10-binary.tar.gz or cifar-10-python.tar.gz" in text
    assert f"into {machine / 'empty' / 'cifar10'}" in text


def test_tensorflow_datasets_registers_the_binary_archive():
    monkey = pytest.MonkeyPatch()
    monkey.undo()
    known = tfds_cache.registered("cifar10")
    assert list(known) == [cifar.FORMS[0].archive]
    assert known[cifar.FORMS[0].archive].size == 170052171
    assert cifar.PYTHON.url.endswith(cifar.FORMS[1].archive)
    assert cifar.PYTHON.size == 170498071  # as torchvision's users see it download


def changed(machine, form, change):
    """An archive with other contents, registered as it is."""
    held = cifar_files.files(form)
    change(held)
    known = cifar_files.write(machine / "odd", form, held)
    cifar.registered().update(known)
    return machine / "odd"


NAME = {"bin": "cifar-10-batches-bin/data_batch_2.bin", "py": "cifar-10-batches-py/data_batch_2"}


@pytest.mark.parametrize(
    ("form", "data", "says"),
    [
        ("bin", b"", "expected records of 3073 bytes, got 0 bytes"),
        ("bin", bytes(3072), "expected records of 3073 bytes, got 3072 bytes"),
        ("bin", b"\x0a" + bytes(3072), "expected labels from 0 to 9, got 0 to 10"),
        ("py", b"words", "data_batch_2: expected a whole pickle, got"),
        ("py", pickle.dumps([1]), r"expected an array, data, and a list, labels, got \[\]"),
        ("py", pickle.dumps({"data": 1, "labels": [1]}), "expected an array, data, and a list"),
        (
            "py",
            pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, 4),
            r"expected uint8 \(N, 3072\) of N labels, got uint8 \(2, 3072\) of 1",
        ),
        (
            "py",
            pickle.dumps({"data": np.zeros((1, 3072)), "labels": [1]}, 4),
            r"of N labels, got float64",
        ),
        (
            "py",
            pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": ["a"]}, 4),
            "expected whole numbers as labels, got others",
        ),
        (
            "py",
            pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [True]}, 4),
            "expected whole numbers as labels, got others",
        ),
        (
            "py",
            pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [-1]}, 4),
            "expected labels from 0 to 9, got -1 to 9",
        ),
        (
            "py",
            pickle.dumps({"data": np.zeros((0, 3072), np.uint8), "labels": []}, 4),
            r"of N labels, got uint8 \(0, 3072\) of 0",
        ),
        (
            "py",
            pickle.dumps({"data": os.system, "labels": [1]}),
            r"expected a pickle of arrays alone, got posix\.system in it",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_one_line(machine, form, data, says):
    place = changed(machine, form, lambda held: held.update({NAME[form]: data}))
    with pytest.raises(cifar.DataError, match=says) as caught:
        load(place)
    assert "\n" not in str(caught.value)


def test_a_missing_batch_is_named(machine):
    place = changed(machine, "bin", lambda held: held.pop(NAME["bin"]))
    with pytest.raises(cifar.DataError, match=r"expected 6 batches, got 5 without data_batch_2$"):
        load(place)


def test_a_batch_larger_than_any_is_not_read(machine, monkeypatch):
    monkeypatch.setattr(cifar, "LARGEST", 3073 * 9)
    with pytest.raises(cifar.DataError, match="expected a batch of 27657 bytes at most, got more"):
        load(machine / "bin")


def test_no_more_of_a_batch_is_read_than_tells_that_it_is_too_large():
    asked = []
    file = SimpleNamespace(read=lambda size: asked.append(size) or b"")
    assert cifar._limited(file, "x") == b""
    assert asked == [64 * 2**20 + 1]


def test_a_file_that_cannot_be_read_is_one_line(machine, monkeypatch):
    def fail(path, known):
        raise PermissionError("not yours")

    monkeypatch.setattr(cifar.idx, "verify", fail)
    with pytest.raises(cifar.DataError, match="^cifar10: expected readable files, got not yours$"):
        load(machine / "bin")


def test_damage_is_found_by_the_digest_before_anything_is_read(machine):
    path = machine / "bin" / "cifar-10-binary.tar.gz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(cifar.DataError, match="expected sha256"):
        load(machine / "bin")
    path.write_bytes(data[:100])
    with pytest.raises(cifar.DataError, match="bytes, got 100"):
        load(machine / "bin")


@pytest.mark.parametrize(("length", "error"), [(None, "ReadError"), (1000, "EOFError")])
def test_a_file_that_is_no_whole_archive_is_one_line(machine, length, error):
    path = machine / "bin" / "cifar-10-binary.tar.gz"
    data = path.read_bytes()[:length] if length else b"words"
    path.write_bytes(data)
    digest = cifar.idx.hashlib.sha256(data).hexdigest()
    cifar.registered()[path.name] = cifar.Registered("", len(data), digest)
    with pytest.raises(cifar.DataError, match=f"expected a whole archive, got {error}"):
        load(machine / "bin")


def test_it_is_a_source_like_the_others(machine, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    data = sources.load("cifar10", machine / "py")
    assert (data.name, data.num_classes, data.image_shape) == ("cifar10", 10, (32, 32, 3))
    assert data.train_inputs.shape == (50, 3072)
    names = "airplane automobile bird cat deer dog frog horse ship truck"  # batches.meta.txt
    assert " ".join(cifar.CLASSES) == names
