import os
import signal

import pytest

from experiments.app.signals import StopRequest


@pytest.fixture(autouse=True)
def handlers():
    """Those of a program in the foreground: what a shell starts with "&" ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_noted_and_interrupts_nothing(number, code):
    with StopRequest() as request:
        assert request.signal is None
        send(number)
        assert request.signal == number
        assert request.exit_code == code


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_after_another_signal_interrupts_at_once(first):
    with StopRequest() as request:
        send(first)
        with pytest.raises(KeyboardInterrupt):
            send(signal.SIGINT)
        assert request.signal == first


def test_sigterm_after_another_signal_changes_nothing():
    with StopRequest() as request:
        send(signal.SIGINT)
        send(signal.SIGTERM)
        assert request.exit_code == 130


def test_what_handled_signals_before_does_so_afterwards():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(KeyboardInterrupt):
        send(signal.SIGINT)


@pytest.mark.parametrize("number", [None, signal.SIGTERM])
def test_alone_a_process_agrees_with_itself(number):
    request = StopRequest()
    request.signal = number
    request.agree()
    assert request.signal == number
