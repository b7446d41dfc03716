"""What several processes on this machine agree on."""

import numpy as np
from several import ends, free_address, joined

from jaxmlp.runtime.agreeing import any_of, from_first, is_first, largest, same

AGREEING = """
print(is_first(), any_of(not is_first()), any_of(False), largest([1, 3 if is_first() else 2]))
print(from_first(b"first's" * 999 if is_first() else b"other") == b"first's" * 999)
print(from_first(b""), everyones([is_first()]))
same({"seed": 0})
try:
    same({"seed": 0, "deep": {"batch": 8 if is_first() else 9}})
except ValueError as error:
    print(error)
if is_first():
    time.sleep(1)
    print("written")
leave()
"""


def test_alone_a_process_is_the_first_and_agrees_with_itself():
    assert is_first()
    assert (any_of(True), any_of(False)) == (True, False)
    assert largest([1, 7]).tolist() == [1, 7]
    assert from_first(b"own") == b"own"
    same({"anything": 1})


def test_numbers_of_any_shape_are_compared():
    assert largest(np.zeros((2, 3))).shape == (2, 3)


def test_processes_agree_and_wait_for_each_other_at_the_end():
    address = free_address()
    codes, lines, said = ends(*(joined(address, 2, number, AGREEING) for number in range(2)))
    assert codes == [0, 0], said
    differs = "process 1 needs to have what process 0 has; deep.batch: expected 8, got 9"
    assert lines[0] == [
        "True True False [1. 3.]",
        "True",
        "b'' [[True], [False]]",
        differs,
        "written",
    ]
    assert lines[1] == ["False True False [1. 3.]", "True", "b'' [[True], [False]]", differs]
