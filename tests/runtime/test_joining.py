"""What cannot be joined is refused, in a line and in time."""

import socket
import time

import pytest
from several import free_address

from jaxmlp.runtime import joining
from jaxmlp.runtime.losing import ProcessAbsentError
from jaxmlp.runtime.processes import join


def test_where_nobody_is_a_process_says_so_in_time():
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="to be where process 0 is, got 127.0.0.1:.* within 1 s"):
        join(free_address(), 2, 1, seconds=1)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("nowhere", 2, 1), "coordinator_address needs a host and a port, .*, got nowhere"),
        (("host:0", 2, 1), "coordinator_address needs a host and a port, .*, got host:0"),
        (("host:70000", 2, 1), "a host and a port, .*, got host:70000"),
        ((":80", 2, 1), "a host and a port, .*, got :80"),
        ((80, 2, 1), "coordinator_address needs to be a text, got 80"),
        (("host:1", 0, 0), "num_processes needs to be a whole number from 1, got 0"),
        (("host:1", 2, -1), "process_id needs to be a whole number from 0, got -1"),
        (("host:1", 2, "1"), "process_id needs to be a whole number from 0, got 1"),
        (("host:1", 2, 2), "process_id needs to be from 0 to 1 of 2 processes, got 2"),
    ],
)
def test_what_leads_nowhere_is_refused_at_once(given, said):
    with pytest.raises(ValueError, match=said):
        join(*given)


def test_a_port_in_use_is_refused():
    with socket.create_server(("", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(OSError, match=f"a port that is free on process 0's .*, got {address}"):
            join(address, 2, 0)


@pytest.mark.parametrize(
    "status", ["DEADLINE_EXCEEDED", "UNAVAILABLE", "UNIMPLEMENTED: status: 404"]
)
def test_what_answers_otherwise_is_not_where_process_0_is(status, monkeypatch):
    monkeypatch.setattr(joining.coordination, "reason", lambda: status)
    found = joining.worded(RuntimeError("std::bad_cast"), "here:1", 2, 0, 60)
    assert isinstance(found, ProcessAbsentError)
    assert str(found).startswith("coordinator_address needs to be where process 0 is, got here:1")


def test_what_nobody_knows_is_a_line(monkeypatch):
    monkeypatch.setattr(joining.coordination, "reason", lambda: "INTERNAL:\n  a pipe")
    found = joining.worded(RuntimeError("x"), None, 2, 0, 60)
    assert str(found).endswith("where JAX found the coordinator to be: x INTERNAL: a pipe")
