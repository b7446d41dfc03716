import errno
import json
import math
import os
import resource

import pytest
from run_files import read

from experiments.folder import files, schema
from experiments.folder.files import Lines, Unwritten
from experiments.folder.schema import Fields


@pytest.fixture
def small_files():
    """Files may have 100 bytes; yields what lifts that."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def lift():
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    yield lift
    lift()


def read_lines(path):
    return schema.read_lines(path, Fields({}))


RECORDS = [{"epoch": epoch, "text": "x" * 20} for epoch in range(5)]  # of some 40 bytes


def write(lines, records):
    """Appends records one by one; how many of them could not be written at once."""
    failed = 0
    for record in records:
        lines.append(record)
        try:
            lines.flush()
        except OSError:
            failed += 1
    return failed


def test_lines_are_appended_and_nan_is_null(tmp_path):
    lines = Lines(tmp_path / "metrics.jsonl")
    assert write(lines, [{"epoch": 1, "test_loss": math.nan}, {"epoch": 2, "test_loss": 0.5}]) == 0
    found = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert found == [{"epoch": 1, "test_loss": None}, {"epoch": 2, "test_loss": 0.5}]
    assert lines.records[1] == {"epoch": 2, "test_loss": 0.5}


def test_lines_that_find_no_room_wait_for_it_and_leave_no_half(tmp_path, small_files):
    path = tmp_path / "metrics.jsonl"
    lines = Lines(path)
    assert write(lines, RECORDS) == 3
    assert read_lines(path) == RECORDS[:2]
    assert path.read_text().endswith("\n")
    small_files()
    lines.flush()
    assert read_lines(path) == RECORDS
    lines.flush()
    assert read_lines(path) == RECORDS


@pytest.mark.parametrize("change", [os.unlink, lambda path: os.truncate(path, 50)])
def test_lines_that_somebody_takes_away_are_written_again(tmp_path, change):
    path = tmp_path / "metrics.jsonl"
    lines = Lines(path)
    write(lines, RECORDS[:3])
    change(path)
    write(lines, RECORDS[3:])
    assert read_lines(path) == RECORDS


def test_lines_go_on_after_those_that_are_there(tmp_path):
    path = tmp_path / "metrics.jsonl"
    files.write_lines(path, RECORDS[:2])
    write(Lines(path, RECORDS[:2]), RECORDS[2:])
    assert read_lines(path) == RECORDS


def test_json_comes_back(tmp_path):
    files.write_json(tmp_path / "a.json", {"sizes": [784, 10]})
    assert read(tmp_path / "a.json") == {"sizes": [784, 10]}
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path, small_files):
    files.write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(OSError, match="too large"):
        files.write_json(tmp_path / "a.json", {"new": "x" * 1000})
    assert read(tmp_path / "a.json") == {"old": 1}
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_could_not_be_written_is_warned_of_once_and_forgotten_when_it_is(recwarn):
    unwritten, has_room = Unwritten(), False

    def write():
        if not has_room:
            raise OSError(errno.ENOSPC, "No space left on device")

    for _ in range(3):
        assert not unwritten.attempt("a.json", write)
        assert unwritten.attempt("b.json", lambda: None)
    assert [str(warning.message) for warning in recwarn] == [
        "a.json cannot be written: [Errno 28] No space left on device"
    ]
    expected = "a.json could not be written: [Errno 28] No space left on device"
    assert str(unwritten) == expected
    has_room = True
    assert unwritten.attempt("a.json", write)
    assert str(unwritten) == ""


def test_a_record_is_known_as_it_will_be_read():
    record = {"a": (1, [math.inf]), "b": {"c": -0.0}, "d": math.nan}
    expected = {"a": [1, [None]], "b": {"c": -0.0}, "d": None}
    assert str(files.as_written(record)) == str(expected)
