"""The loop over a population's epochs, in one process or in each of several."""

import functools
from collections.abc import Callable
from typing import Any

from jaxmlp.populations.cohort import Cohort, Report
from jaxmlp.populations.folds import Data
from jaxmlp.populations.peers import PeerError, Peers
from jaxmlp.populations.population import epoch_of
from jaxmlp.populations.portions import Portion
from jaxmlp.populations.results import Course, course_of, results
from jaxmlp.populations.retire import Halving
from jaxmlp.populations.runs import Runs

__all__ = ["train_portion"]

Hook = Callable[[Report], bool | None]


class _Stopped(Exception):
    """Somebody has asked for it."""


def train_portion(
    cohort: Cohort,
    portion: Portion,
    data: Data,
    peers: Peers | None,
    patience: int | None,
    stop_metric: str,
    halving: Halving | None,
    callback: Hook | None,
    on_block: Hook | None,
) -> Runs:
    """Trains the members of a portion.

    Args:
      cohort: the members.
      portion: which they are.
      data: what they are trained on.
      peers: the processes that train others; None where there are none.
      patience: as of `train_many`.
      stop_metric: likewise.
      halving: likewise.
      callback: likewise.
      on_block: likewise.

    Returns:
      The results of all members, of all processes; the states of those that are trained here.

    Raises:
      PeerError: if another process has come to an error.
    """
    heed = functools.partial(_heed, cohort, peers, on_block)
    lagging = None if peers is None else functools.partial(peers.lagging, heed)
    rules = patience, stop_metric, halving, lagging
    try:
        if peers is not None:
            _catch_up(cohort, peers, rules)
        while len(cohort.live):
            for share in cohort.train_epoch(halving):
                heed(share)
            cohort.end_members(*rules)
            if callback and callback(cohort.report(0.0)):
                raise _Stopped
        course = _ended(cohort, portion, data, peers, heed)
    except _Stopped:
        if peers is not None:
            peers.stop()
        course = _ended(cohort, portion, data, peers, lambda: peers and peers.must_stop())
    except BaseException as error:
        if peers is not None and not isinstance(error, PeerError):
            line = str(error).partition("\n")[0]
            peers.stop(f"{type(error).__name__}: {line}")
        raise
    return results(portion, data, course, cohort.population(copy=False).states)


def _heed(cohort: Cohort, peers: Peers | None, on_block: Hook | None, share: float = 0.0) -> None:
    """Stops where somebody asks for it, in this process or in another."""
    is_last = peers is not None and peers.must_stop()
    if (on_block and on_block(cohort.report(share, is_last))) or is_last:
        raise _Stopped


def _catch_up(cohort: Cohort, peers: Peers, rules: tuple[Any, ...]) -> None:
    """Tells others of the rungs that are behind, and ranks where training was left at one."""
    population = cohort.population(copy=False)
    epoch = epoch_of(population)
    peers.tell_standings(population, 1, epoch)
    if epoch and len(cohort.live):
        cohort.end_members(*rules)


def _ended(
    cohort: Cohort,
    portion: Portion,
    data: Data,
    peers: Peers | None,
    wait: Callable[[], object],
) -> Course:
    """How the training of all members went."""
    population = cohort.population(copy=False)
    if peers is None:
        return course_of(population)
    if not len(cohort.live):  # nobody here is at the rungs to come
        peers.tell_standings(population, 1, int(portion.whole.num_epochs.max()))
    return peers.courses(population, data, wait)
