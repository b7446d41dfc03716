"""What the processes of a population tell each other."""

import numpy as np
import optax
import pytest
from peers import Memory, together

from jaxmlp import Halving, Recipe, classification, mlp
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.peers import PeerError, Peers
from jaxmlp.populations.population import Population
from jaxmlp.populations.portions import portion_of
from jaxmlp.runtime.exchange import Exchange

RECIPE = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 16, 4)
HALVING = Halving("test_loss", factor=2)


@pytest.fixture
def pair(blobs):
    """Two processes of three settings of two seeds each."""
    grid, store = make_grid(RECIPE, range(2), {"learning_rate": [0.1, 0.2, 0.3]}), Memory()
    portions = [portion_of(grid, blobs, {0: 1, 1: 1}, process) for process in (0, 1)]
    return [
        Peers(Exchange(store, "test", process, (0, 1)), portion, HALVING)
        for process, portion in enumerate(portions)
    ]


def population(peers, losses):
    """The members of a process, of which all have these losses; (members of all, epochs)."""
    values = np.float64(losses)[peers.portion.members]
    count, epochs = values.shape
    return Population((), {"test_loss": values}, np.full(count, epochs), np.zeros(count), {})


def test_settings_are_ranked_by_the_means_of_all(pair):
    losses = [[1.0], [9.0], [4.0], [4.5], [0.0], [8.0]]  # means 5, 4.25, 4

    def ranked(process):
        own = population(pair[process], losses)
        return pair[process].lagging(lambda: None, 1, own).tolist()

    assert together(ranked, 2) == [[0]] * 2


def test_standings_of_rungs_are_told_from_the_first_to_the_last(pair):
    own = population(pair[0], np.ones((6, 4)))
    pair[0].tell_standings(own, 2, 4)
    told = [pair[0].exchange.told(f"rung-{rung}", 0) is not None for rung in (1, 2, 3, 4)]
    assert told == [False, True, False, True]
    pair[1]._replace(halving=None).tell_standings(own, 1, 4)
    assert pair[1].exchange.told("rung-1", 1) is None


def test_one_has_all_stop_and_an_error_is_told(pair):
    assert [peers.must_stop() for peers in pair] == [False, False]
    pair[0].stop()
    assert [peers.must_stop() for peers in pair] == [False, True]
    pair[1].stop("OSError: no room")
    with pytest.raises(PeerError, match="^process 1 has ended: OSError: no room$"):
        pair[0].must_stop()


def test_whether_any_of_many_has_all_stop_is_one_request(pair):
    store, every = Memory(), tuple(range(64))
    many = pair[0]._replace(exchange=Exchange(store, "test", 3, every))
    assert not many.must_stop()
    many.stop()
    assert not many.must_stop()  # it is not for itself
    many._replace(exchange=Exchange(store, "test", 63, every)).stop()
    assert many.must_stop()
    assert store.requests == ["test/stop"] * 3
