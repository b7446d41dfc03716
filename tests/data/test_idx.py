import io
import re
import zlib

import idx_files
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from experiments.data import idx

LABELS = np.array([3, 1, 4], np.uint8)


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=3, max_side=5)))
def test_decode_inverts_the_format(array):
    decoded = idx.decode(io.BytesIO(idx_files.encode(array)), array.ndim, "file")
    assert not decoded.flags.writeable
    assert decoded.dtype == np.uint8
    np.testing.assert_array_equal(decoded, array)


def test_decode_reads_literal_bytes():
    data = bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 10, 20, 30, 40])
    np.testing.assert_array_equal(idx.decode(io.BytesIO(data), 3, "file"), [[[10, 20], [30, 40]]])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "f: expected an IDX header of 8 bytes, got 0 bytes"),
        (
            idx_files.encode(np.zeros((1, 2, 2), np.uint8)),
            "f: expected magic number 2049, got 2051",
        ),
        (b"<html>not found</html>", "f: expected magic number 2049, got 1013478509"),
        (idx_files.encode(LABELS)[:-1], r"f: its header says \(3,\), so expected 11 bytes, got 10"),
        (
            idx_files.encode(LABELS) + b"x",
            r"its header says \(3,\), so expected 11 bytes, got more",
        ),
    ],
)
def test_decode_refuses(data, message):
    with pytest.raises(idx.DataError, match=message):
        idx.decode(io.BytesIO(data), 1, "f")


def unpack(packed):
    return idx.decode(idx.unpacked(io.BytesIO(packed)), 1, "f")


@given(st.integers(0, len(idx_files.pack(LABELS)) - 1))
def test_a_packed_file_that_is_cut_is_refused(length):
    with pytest.raises(idx.DataError, match="^f: expected (a whole gzip file|an IDX header of 8)"):
        unpack(idx_files.pack(LABELS)[:length])


def test_a_packed_file_that_is_damaged_is_refused():
    packed = bytearray(idx_files.pack(LABELS))
    np.testing.assert_array_equal(unpack(bytes(packed)), LABELS)
    packed[-6] ^= 1  # in gzip's own checksum
    with pytest.raises(idx.DataError, match=r"f: expected a whole gzip file, got CRC check failed"):
        unpack(bytes(packed))


def test_a_packed_file_is_unpacked_no_further_than_its_header_says():
    whole = idx_files.encode(LABELS) + bytes(10**8)  # from 100 KB

    class Counted(io.BytesIO):
        taken = 0

        def read(self, size=-1):
            data = super().read(size)
            self.taken += len(data)
            return data

    compressor = zlib.compressobj(wbits=31)
    file = Counted(compressor.compress(whole) + compressor.flush())
    with pytest.raises(
        idx.DataError, match=r"its header says \(3,\), so expected 11 bytes, got more"
    ):
        idx.decode(idx.unpacked(file), 1, "f")
    assert file.taken <= len(file.getvalue())
    with pytest.raises(idx.DataError, match=r"f: its header says .*, so \d+ bytes, got .* memory"):
        idx.decode(
            io.BytesIO(idx_files.encode(np.zeros((1, 1, 1), np.uint8))[:4] + b"\xff" * 12), 3, "f"
        )


def test_verify_refuses_another_size_and_another_digest(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(b"abc")
    registered = idx_files.register("labels", b"abc")
    idx.verify(path, registered)
    path.write_bytes(b"abcd")
    with pytest.raises(idx.DataError, match="labels: expected 3 bytes, got 4; delete it"):
        idx.verify(path, registered)
    path.write_bytes(b"abd")
    with pytest.raises(
        idx.DataError, match=r"expected sha256 ba7816bf8f01cfea.*, got a52d159f262b"
    ):
        idx.verify(path, registered)


def test_read_verifies_before_it_decodes(tmp_path):
    path = tmp_path / "labels.gz"
    path.write_bytes(idx_files.pack(LABELS))
    np.testing.assert_array_equal(idx.read(path, "labels.gz", 1, None), LABELS)
    with pytest.raises(idx.DataError, match="expected 3 bytes"):
        idx.read(path, "labels.gz", 3, idx_files.register("labels.gz", b"abc"))


def test_find_takes_the_first_folder_and_the_first_name(tmp_path):
    wanted = [("a.gz", "a"), ("b.gz", "b")]
    for file in ("two/a", "two/b", "two/b.gz", "three/a", "three/b"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    found = idx.find(wanted, ("one", "two", "three"), tmp_path)
    assert list(found.items()) == [("a", tmp_path / "two/a"), ("b.gz", tmp_path / "two/b.gz")]
    assert idx.find(wanted, ("one",), tmp_path) == {}
    assert list(idx.find(wanted, ("one", "two"), tmp_path / "two")) == ["a", "b.gz"]
    assert idx.find(wanted, ("one", "two"), tmp_path / "three") == {}


def test_find_refuses_an_incomplete_folder(tmp_path):
    (tmp_path / "a").touch()
    message = f"{tmp_path}: expected 3 files, got 1 without b.gz, c"
    with pytest.raises(idx.DataError, match=re.escape(message)):
        idx.find([("a.gz", "a"), ("b.gz", "b"), ("c",)], (".",), tmp_path)
