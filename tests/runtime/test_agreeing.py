"""What several processes on this machine agree on."""

import jax
import numpy as np
import pytest
from jax.experimental import multihost_utils
from several import ends, free_address, joined

from jaxmlp.runtime import agreeing
from jaxmlp.runtime.agreeing import any_of, await_others, from_first, is_first, largest, same, told

AGREEING = """
import jax
from jax._src import distributed
assert not jax.config.jax_enable_preemption_service  # SIGTERM is for the program to heed
print(is_first(), any_of(not is_first()), any_of(False), largest([1, 3 if is_first() else 2]))
print(from_first(b"first's" * 999 if is_first() else b"other") == b"first's" * 999)
from jaxmlp.runtime import agreeing
from jax.experimental import multihost_utils
handed, hand = [], multihost_utils.broadcast_one_to_all
multihost_utils.broadcast_one_to_all = lambda array: handed.append(array.nbytes) or hand(array)
agreeing.PART = 1000
print(from_first(bytes(range(250)) * 10 if is_first() else b"x") == bytes(range(250)) * 10, handed)
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
try:
    with noticing_losses():
        raise ValueError("Gloo, of something else")
except Exception as error:
    print(type(error).__name__, are_joined(), type(distributed._jax.get_distributed_runtime_client))
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
    after = "ValueError False <class 'nanobind.nb_func'>"  # as JAX has it
    assert lines[0] == [
        "True True False [1. 3.]",
        "True",
        "True [8, 1000, 1000, 500]",
        "b'' [[True], [False]]",
        differs,
        "written",
        after,
    ]
    alike = ["True", "True [8, 1000, 1000, 500]", "b'' [[True], [False]]", differs, after]
    assert lines[1] == ["False True False [1. 3.]", *alike]


TELLING = """
print(told(lambda: {"step": 7, "loss": float("nan")}), told(lambda: None))
for kind in ValueError, OSError:
    def refuse():
        raise kind("no room")
    try:
        told(refuse)
    except (OSError, ValueError) as error:
        print(type(error).__name__, error)
if not is_first():
    time.sleep(1)
await_others("the end", 60)
print("met")
await_others("nowhere" if is_first() else "elsewhere", 0.1)
leave()
"""


def test_a_process_alone_tells_itself_what_it_finds():
    assert told(lambda: (1, None)) == (1, None)
    with pytest.raises(OSError, match="^no room$"):
        told(lambda: (_ for _ in ()).throw(OSError("no room")))
    await_others("the end", 60)


def test_all_hear_what_the_first_finds_and_of_its_errors():
    address = free_address()
    codes, lines, said = ends(*(joined(address, 2, number, TELLING) for number in range(2)))
    assert codes == [0, 0], said
    heard = ["ValueError process 0 has ended: no room"] * 2
    first = "{'step': 7, 'loss': nan} None"
    assert lines[0] == [first, "ValueError no room", "OSError no room", "met"]
    assert lines[1] == [first, *heard, "met"]


def test_a_content_of_more_than_four_gigabytes_is_told_by_its_length(monkeypatch):
    class Long(bytes):
        def __len__(self):
            return 2**32 + 3

    def hand(array):
        told.append(array.tolist())
        raise InterruptedError

    told = []
    monkeypatch.setattr(agreeing, "are_joined", lambda: True)
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    monkeypatch.setattr(multihost_utils, "broadcast_one_to_all", hand)
    with pytest.raises(InterruptedError):
        from_first(Long())
    assert told == [[3, 0, 0, 0, 1, 0, 0, 0]]
