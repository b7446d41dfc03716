"""Two processes, of which one is killed again and again, and a loop that starts both anew."""

import random
import time

import pytest
from several import ends
from trained_by_several import both, found, start

from jaxmlp.runtime.losing import LOST

SOON = 30  # seconds in which the one that is left has ended too


def disturbed(folder, moments, **options):
    """Starts both, kills one of them some seconds after it has said something, and so on.

    Returns:
      Which was killed, how long the other one went on, and its exit code, for each time.
    """
    seen = []
    for dead, word, moment in moments:
        pair = both(folder, **options)
        while word not in (line := pair[dead].stdout.readline()):
            assert line, ends(*pair)
        time.sleep(moment)
        pair[dead].kill()
        killed = time.monotonic()
        (code,), _, said = ends(pair[1 - dead])
        seen.append((dead, time.monotonic() - killed, code))
        assert code != LOST or "another process has ended" in said[0]
        ends(pair[dead])
    return seen


@pytest.mark.parametrize("count", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_what_is_killed_and_started_again_ends_with_the_bits_of_one_left_in_peace(count, tmp_path):
    options, draw = {"epochs": 6 * count}, random.Random(0)
    alone = start(tmp_path / "alone", count=1, pause=0.0, **options)
    words = ["training", "training", "joined", "joined"]  # it compiles between them
    moments = [(i % 2, words[i % 4], draw.uniform(0, 3)) for i in range(count)]
    seen = disturbed(tmp_path / "both", moments, **options)
    print(seen)
    assert [code for _, _, code in seen] == [LOST] * count
    assert max(seconds for _, seconds, _ in seen) < SOON
    (first, _, bits), (_, _, other) = found(both(tmp_path / "both", pause=0.0, **options))
    [(_, _, undisturbed)] = found([alone])
    assert bits == other == undisturbed
    assert first > 0
