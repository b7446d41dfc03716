"""Processes that train one network agree on where its blocks end, and stop together."""

import signal
import time

from trained_by_several import both, found, start

from jaxmlp.training.agreement import agreed


def test_alone_a_process_goes_by_its_own_clock():
    assert agreed(None, 0.5, True) == (0.5, True)
    assert agreed(None, 0.5, None) == (0.5, False)


def test_a_signal_to_one_process_stops_all_at_one_step_and_nothing_is_lost(tmp_path):
    [(_, _, undisturbed)] = found([start(tmp_path / "alone", count=1, epochs=12, pause=0.0)])
    started = both(tmp_path / "both", epochs=12)
    while "training" not in (line := started[1].stdout.readline()):
        assert line
    time.sleep(0.5)
    started[1].send_signal(signal.SIGTERM)  # not to the one that saves
    (_, ends_0, early_0), (_, ends_1, early_1) = found(started)
    assert ends_0 == ends_1
    assert 1 <= ends_0[-1] < 48
    assert early_0 == early_1 != undisturbed
    again = found(both(tmp_path / "both", epochs=12, pause=0.0))
    assert again[0] == again[1]
    assert again[0][0] == ends_0[-1]
    assert again[0][2] == undisturbed


def test_blocks_are_as_long_as_the_slowest_says_and_an_epoch_may_be_the_last_for_any(tmp_path):
    (_, ends_0, _), (_, ends_1, _) = found(both(tmp_path, epochs=4, pause=0.0, slow=True, last=3))
    assert ends_0 == ends_1 == list(range(1, 13))
