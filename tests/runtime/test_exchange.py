"""What processes tell each other; tests/populations/test_processes.py has the real coordinator."""

import numpy as np
import pytest
from peers import Memory, together

from jaxmlp.runtime import exchange
from jaxmlp.runtime.exchange import Exchange, coordinator, decoded, encoded


def test_one_process_has_no_coordinator():
    assert coordinator() is None


def test_what_is_told_is_heard_by_all_in_the_order_of_the_processes():
    store = Memory()

    def one(place):
        process = (3, 5)[place]
        own = Exchange(store, "here", process, (3, 5))
        assert own.told("other", process) is None
        own.tell("topic", b"of %d" % process)
        return own.hear("topic")

    assert together(one, 2) == [[b"of 3", b"of 5"]] * 2


def test_what_is_long_is_told_in_parts_and_what_was_told_before_is_gone(monkeypatch):
    monkeypatch.setattr(exchange, "PART", 4)
    store = Memory()
    own = Exchange(store, "here", 0, (0,))
    for content in (b"0123456789", b"0123", b"", b"abcdefg"):
        own.tell("topic", content)
        assert own.hear("topic") == [content]
    assert store.contents["here/topic/0/0"] == b"abcd"


def test_whoever_waits_may_give_up():
    looks = []

    def wait():
        looks.append(1)
        if len(looks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Exchange(Memory(), "here", 0, (0, 1)).hear("topic", wait)
    assert len(looks) == 3


def test_what_was_told_is_forgotten_under_its_name_alone():
    store = Memory()
    one, other = (Exchange(store, name, 0, (0,)) for name in ("here/1", "here/10"))
    one.tell("topic", b"1")
    other.tell("topic", b"10")
    one.forget()
    assert one.told("topic", 0) is None
    assert other.told("topic", 0) == b"10"


def test_arrays_keep_their_bits_and_dtypes():
    arrays = {
        "a/b": np.float64([np.nan, -0.0, 1e-300]),
        "c": np.array("text"),
        "d": np.zeros(0, bool),
    }
    found = decoded(encoded(arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].tobytes() == array.tobytes()


def test_what_some_have_told_comes_at_one_request(monkeypatch):
    monkeypatch.setattr(exchange, "PART", 4)
    store = Memory()
    three = [Exchange(store, "here", process, (1, 2, 11)) for process in (1, 2, 11)]
    assert three[0].told_by_any("topic") == {}
    three[0].tell("topics", b"other")
    three[1].tell("topic", b"0123456789")
    three[2].tell("topic", b"")
    store.put("here/topic/1/0", b"0123")  # the first part of what is being told
    store.requests.clear()
    assert three[0].told_by_any("topic") == {2: b"0123456789", 11: b""}
    assert store.requests == ["here/topic"]


def test_all_is_gone_once_all_have_what_they_asked_for():
    store = Memory()
    store.put("elsewhere/0", b"stays")

    def one(process):
        own = Exchange(store, "here", process, (0, 1, 2))
        own.tell("topic", bytes([process]))
        heard = own.hear("topic")
        own.close()
        return heard

    assert together(one, 3) == [[b"\0", b"\1", b"\2"]] * 3
    assert list(store.contents) == ["elsewhere/0"]
