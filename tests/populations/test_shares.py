"""How the members of a chunk are dealt out to the devices."""

import threading

import numpy as np
import pytest

from jaxmlp.populations import shares


@pytest.mark.parametrize(("count", "size", "lengths"), [(7, 3, [3, 2, 2]), (3, 3, [3]), (0, 3, [])])
def test_chunks_are_few_and_alike(count, size, lengths):
    parts = shares.chunks(np.arange(count), size)
    assert [len(part) for part in parts] == lengths
    assert np.array_equal(np.concatenate([*parts, np.zeros(0, int)]), np.arange(count))


class Worker:
    """Takes what it is given."""

    def load(self, *arguments):
        return arguments


def test_members_are_dealt_out_evenly():
    workers = [Worker() for _ in range(4)]
    store = {"a": np.arange(12.0).reshape(6, 2)}
    for rows, expected in (([4, 1, 5, 0, 2, 3], [[4, 1], [5, 0], [2], [3]]), ([4, 1], [[4], [1]])):
        given = ({"rate": np.arange(6)}, np.arange(6) + 10, store, np.arange(6) + 20)
        dealt = shares.deal(np.array(rows), 2, workers, given)
        assert [share.rows.tolist() for share in dealt] == expected
        assert [share.worker for share in dealt] == workers[: len(expected)]
        numbers, seeds, states, folds, size = dealt[0].carried
        first = expected[0]
        assert (numbers["rate"].tolist(), size) == (first, 2)
        assert seeds.tolist() == [row + 10 for row in first]
        assert folds.tolist() == [row + 20 for row in first]
        assert states["a"].tolist() == store["a"][first].tolist()


def test_devices_work_at_the_same_time():
    together = threading.Barrier(3)

    def meet(share):
        together.wait(timeout=60)
        return share

    assert shares.on_all(meet, [0, 1, 2]) == [0, 1, 2]
