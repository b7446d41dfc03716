"""Several processes on this machine: how they come together."""

import pytest
from several import ends, free_address, joined

from jaxmlp.runtime.processes import join


def test_versions_and_the_number_of_processes_are_the_same_everywhere():
    address = free_address()
    codes, lines, _ = ends(joined(address, 2, 0), joined(address, 3, 1, jax="0.1"))
    assert codes == [1, 1]
    for said, _ in lines:
        assert said.startswith("ValueError: process 1 needs to have what process 0 has; ")
        assert "num_processes: expected 2, got 3; versions.jax: expected" in said
        assert said.endswith(", got 0.1")


def test_who_does_not_come_is_named_in_time():
    address = free_address()
    codes, lines, _ = ends(*(joined(address, 3, number, seconds=3) for number in (0, 2)))
    assert codes == [1, 1]
    expected = (
        f"ProcessAbsentError: 3 processes need to come within 3 s at {address}, got none with "
    )
    for said, seconds in lines:
        assert said == f"{expected}process_id 1"
        assert float(seconds) < 12


def test_two_processes_with_one_number_are_not_joined():
    address = free_address()
    codes, lines, _ = ends(*(joined(address, 3, number, seconds=3) for number in (0, 1, 1)))
    assert codes == [1, 1, 1]
    said = [out[0] for out in lines]
    assert "ValueError: process_id needs to be another one in each process, got 1 twice" in said


def test_a_process_that_process_0_does_not_expect_is_told_so():
    address = free_address()
    given = [(2, 0), (3, 2)]
    codes, lines, _ = ends(*(joined(address, *each, seconds=5) for each in given))
    assert codes == [1, 1]
    assert "num_processes needs to be the same in all processes, got 3 for process 2" in lines[1][0]


def test_what_nobody_says_is_refused():
    with pytest.raises(ValueError, match="seconds needs to be a whole number from 1, got 0"):
        join(seconds=0)
    codes, lines, _ = ends(joined(None, None, None))
    assert codes == [1]
    assert "where JAX detects no cluster that says them, got coordinator" in lines[0][0]
