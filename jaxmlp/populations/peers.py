"""What the processes of one population tell each other: ranks of halving, and at the end all."""

import json
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxmlp.populations.folds import Data
from jaxmlp.populations.population import Population
from jaxmlp.populations.portions import Portion
from jaxmlp.populations.results import Course, as_bytes, course_of, joined_courses
from jaxmlp.populations.retire import Halving, Standing, lagging_at, rungs, standing_at
from jaxmlp.runtime.exchange import Exchange, decoded, encoded
from jaxmlp.runtime.losing import LOST

__all__ = ["PeerError", "Peers"]

STOP = "stop"  # the topic of one that has all stop


class PeerError(RuntimeError):
    """Another process that trains the same population has come to an error."""

    exit_code = LOST  # of a program that ends by it


class Peers(NamedTuple):
    """The processes that train a population, of which this is one."""

    exchange: Exchange
    portion: Portion  # this one's
    halving: Halving | None

    def tell_standings(self, population: Population, first: int, last: int) -> None:
        """Tells how the members here stood at the rungs from one epoch to another, or are to."""
        if self.halving is None:
            return
        for rung in rungs(self.halving, last):
            if rung >= first:
                standing = standing_at(self.portion.grid, population, rung, self.halving.metric)
                self.exchange.tell(f"rung-{rung}", encoded(standing._asdict()))

    def lagging(self, wait: Callable[[], object], epoch: int, population: Population) -> np.ndarray:
        """The settings that end at a rung, by the members of all processes.

        Args:
          wait: called while others are awaited.
          epoch: the rung.
          population: the members here, after it.
        """
        assert self.halving is not None
        self.tell_standings(population, epoch, epoch)
        told = self.exchange.hear(f"rung-{epoch}", wait)
        return lagging_at(self.portion.whole, self._joined(told), self.halving)

    def _joined(self, told: Sequence[bytes]) -> Standing:
        """How all members stand."""
        count = len(self.portion.homes)
        whole = Standing(np.full(count, np.nan), np.zeros(count, bool), np.zeros(count, bool))
        for process, content in zip(self.exchange.processes, told, strict=True):
            members, own = self.portion.homes == process, Standing(**decoded(content))
            for values, some in zip(whole, own, strict=True):
                values[members] = some
        return whole

    def stop(self, error: str = "") -> None:
        """Has all processes stop; with an error, if that is why."""
        self.exchange.tell(STOP, json.dumps(error).encode())

    def must_stop(self) -> bool:
        """Whether another process has all stop.

        Raises:
          PeerError: if it does for an error.
        """
        told = self.exchange.told_by_any(STOP)
        told.pop(self.exchange.process, None)
        for process, content in told.items():
            if error := json.loads(content):
                raise PeerError(f"process {process} has ended: {error}")
        return bool(told)

    def courses(self, population: Population, data: Data, wait: Callable[[], object]) -> Course:
        """How the training of all members went, once all processes have told of theirs."""
        self.exchange.tell("course", as_bytes(course_of(population)))
        return joined_courses(self.portion, data, self.exchange.hear("course", wait))
