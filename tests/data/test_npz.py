import tracemalloc
import zipfile

import npz_files
import numpy as np
import pytest

from experiments.data import npz
from experiments.data.idx import DataError

KEYS = ("x_train", "y_train"), ("x", "y")
GOOD = {"x_train": np.arange(12.0).reshape(4, 3), "y_train": np.array([0, 1, 2, 1])}


def save(tmp_path, **arrays):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    return path


def test_refuses_what_is_no_npz(tmp_path):
    path = tmp_path / "data.npz"
    with pytest.raises(DataError, match=r"data.npz: expected an .npz file, got no such file"):
        npz.open_arrays(path, *KEYS)
    with pytest.raises(DataError, match=r"expected an .npz file, got a directory"):
        npz.open_arrays(tmp_path, *KEYS)
    path.write_bytes(b"plain text")
    with pytest.raises(DataError, match=r"expected an .npz file \(.*\), got another kind"):
        npz.open_arrays(path, *KEYS)


def test_refuses_a_flipped_byte_and_a_cut_file(tmp_path):
    path = save(tmp_path, **GOOD)
    whole = bytearray(path.read_bytes())
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="got another kind"):
        npz.open_arrays(path, *KEYS)
    whole[whole.index(np.float64(11).tobytes())] ^= 1  # the last number of x_train
    path.write_bytes(whole)
    with pytest.raises(DataError, match=r"expected arrays of numbers, got Bad CRC-32"):
        npz.open_arrays(path, *KEYS)


X = np.arange(20.0).reshape(10, 2)
Y = ("y", np.arange(10) % 2)
BROKEN = {
    "10^18 rows": ([("x", npz_files.claiming((10**18, 2)))], "whose header says 8,000,000,000,000"),
    "2^70 rows": ([("x", npz_files.claiming((2**70, 2)))], "whose header says "),
    "fewer rows": ([("x", npz_files.claiming((1, 2), content=bytes(16)))], "header says"),
    "more rows": ([("x", npz_files.claiming((3, 2), content=bytes(16)))], "header says"),
    "negative rows": ([("x", npz_files.claiming((-1, 2)))], "header says|shape"),
    "no header": ([("x", b"")], "magic string; expected 6 bytes|EOF"),
    "no array": ([("x", b"plain text, and enough of it")], "magic string is not correct"),
    "header cut": ([("x", npz_files.npy(X)[:40])], "EOF"),
    "header of 1 GB": ([("x", b"\x93NUMPY\x02\x00\x00\x00\x00\x40{}")], "EOF"),
    "header of nonsense": ([("x", npz_files.with_header(b"nonsense"))], "malformed"),
    "header of parentheses": ([("x", npz_files.with_header(b"(" * 9000))], ""),
    "header of code": ([("x", npz_files.with_header(b"__import__('os').getcwd()"))], "malformed"),
    "header of no type": ([("x", npz_files.claiming((1,), "zz"))], "descr|type"),
    "objects": ([("x", npz_files.claiming((2,), "|O", bytes(16)))], "pickled Python objects"),
    "version 3": ([("x", npz_files.claiming((2,), "<f4", bytes(8), 3))], "format 3.0 of x"),
    "version 9": ([("x", npz_files.claiming((2,), "<f4", bytes(8), 9))], "9"),
    "twice": ([("x", X), ("x", X)], "x twice"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_a_file_says_of_itself_is_checked_before_memory_is_taken(kind, tmp_path):
    members, message = BROKEN[kind]
    path = npz_files.write(tmp_path / "data.npz", [*members, Y])
    tracemalloc.start()
    with pytest.raises(DataError, match=f"expected arrays of numbers, got .*({message})") as caught:
        npz.open_arrays(path, *KEYS)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_only_archives_that_numpy_writes_are_read(tmp_path):
    def refusal(change, *arguments):
        path = npz_files.write(tmp_path / "data.npz", [("x", X), Y])
        npz.open_arrays(path, *KEYS)
        change(path, *arguments)
        with pytest.raises(DataError, match="expected arrays of numbers, got ") as caught:
            npz.open_arrays(path, *KEYS)
        return str(caught.value)

    assert "encrypted" in refusal(npz_files.encrypted)
    assert "compression" in refusal(npz_files.packed_by, 99)
    npz.open_arrays(
        npz_files.write(tmp_path / "data.npz", [("x", X), Y], zipfile.ZIP_STORED), *KEYS
    )


def test_a_file_that_says_it_has_more_than_it_can_is_refused(tmp_path, monkeypatch):
    zeros = np.zeros((1000, 1000))  # 8 MB in 8 KB
    path = npz_files.write(tmp_path / "data.npz", [("x", zeros), ("y", np.arange(1000) % 2)])
    npz.open_arrays(path, *KEYS)
    monkeypatch.setattr(npz.memory, "available", lambda device: 16_000_000)
    with pytest.raises(
        DataError, match=r"got arrays that need 0.0149 GiB of memory, of 0.0149 GiB"
    ):
        npz.open_arrays(path, *KEYS)
    size = len(npz_files.npy(zeros))
    npz_files.patch(path, 22, 24, (10**9).to_bytes(4, "little"))
    with pytest.raises(DataError, match=f"1,000,000,000 bytes in x, whose header says {size:,}"):
        npz.open_arrays(path, *KEYS)
    monkeypatch.setattr(npz, "DEFLATED", 10)
    with pytest.raises(DataError, match=f"{size:,} bytes in x, said to be from "):
        npz.open_arrays(npz_files.write(path, [("x", zeros), Y]), *KEYS)


def test_without_choices_all_arrays_are_read(tmp_path):
    arrays = npz.open_arrays(save(tmp_path, a=X, b=np.array(["text"])))
    assert arrays.keys() == {"a", "b"}
    np.testing.assert_array_equal(arrays["a"], X)
