import json
import shutil
import sys
from pathlib import Path

import idx_files
import numpy as np
import pytest
import tfds_files

from experiments.data import tfds_prepared
from experiments.data.idx import DataError


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory):
    return tfds_files.prepare(tmp_path_factory.mktemp("tfds"), "mnist", idx_files.arrays())


@pytest.fixture
def prepared(prepared_once, tmp_path):
    return Path(shutil.copytree(prepared_once, tmp_path / "mnist" / "3.0.1"))


def test_prepared_takes_the_newest_version(tmp_path):
    assert tfds_prepared.prepared(tmp_path, "mnist") is None
    for version in ("3.0.1", "3.0.9", "3.0.10", "incomplete.3.1.0"):
        (tmp_path / "mnist" / version).mkdir(parents=True)
        (tmp_path / "mnist" / version / "dataset_info.json").touch()
    (tmp_path / "mnist" / "4.0.0").mkdir()  # nothing prepared in it
    assert tfds_prepared.prepared(tmp_path, "mnist") == tmp_path / "mnist" / "3.0.10"


@pytest.mark.parametrize("file_format", ["array_record", "tfrecord"])
def test_reads_prepared_data(prepared, file_format, capfd, caplog):
    if file_format == "tfrecord":
        tfds_files.to_tfrecord(prepared)
    arrays, expected = tfds_prepared.read_prepared(prepared), idx_files.arrays()
    for i in (0, 2):
        assert arrays[i].dtype == np.uint8
        order = [
            int(np.flatnonzero((image == expected[i]).all(axis=(1, 2)))[0]) for image in arrays[i]
        ]
        assert sorted(order) == list(range(len(expected[i])))
        np.testing.assert_array_equal(arrays[i + 1], expected[i + 1][order])
    assert "tensorflow" not in sys.modules
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def test_refuses_damaged_prepared_data(prepared):
    tfds_files.to_tfrecord(prepared)
    path = next(prepared.glob("*train.tfrecord*"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    with pytest.raises(DataError, match=r"3.0.1: expected data prepared by TFDS, got .*cut short"):
        tfds_prepared.read_prepared(prepared)
    (length,) = np.frombuffer(whole[:8], "<u8")
    path.write_bytes(whole[length + 16 :])
    with pytest.raises(DataError, match="got ValueError: 19 of 20 examples in train"):
        tfds_prepared.read_prepared(prepared)
    path.write_bytes(whole.replace(b"IDAT", b"XXXX"))
    with pytest.raises(DataError, match="expected data prepared by TFDS, got "):
        tfds_prepared.read_prepared(prepared)


def test_refuses_other_file_formats_and_broken_descriptions(prepared):
    info = prepared / "dataset_info.json"
    info.write_text(json.dumps(json.loads(info.read_text()) | {"fileFormat": "riegeli"}))
    with pytest.raises(DataError, match="got NotImplementedError: .* FileFormat.RIEGELI is not"):
        tfds_prepared.read_prepared(prepared)
    info.write_text("{")
    with pytest.raises(
        DataError, match="expected data prepared by TFDS, got ParseError: Failed to load JSON"
    ):
        tfds_prepared.read_prepared(prepared)


def test_data_that_do_not_say_their_format_are_tfrecord(prepared):
    tfds_files.to_tfrecord(prepared)
    info = prepared / "dataset_info.json"
    said = json.loads(info.read_text())
    del said["fileFormat"]  # as older releases did
    info.write_text(json.dumps(said))
    assert [len(array) for array in tfds_prepared.read_prepared(prepared)] == [
        len(array) for array in idx_files.arrays()
    ]
