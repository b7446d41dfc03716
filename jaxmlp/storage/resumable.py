"""Training that goes on where it was stopped or killed, in a line more than training."""

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from jaxmlp.populations.cohort import Report
from jaxmlp.populations.folds import as_data, by_shapes, checked, num_folds
from jaxmlp.populations.grid import make_grid
from jaxmlp.populations.identity import identity_of_many
from jaxmlp.populations.population import Population, population_of
from jaxmlp.populations.portions import Portion, own_portion
from jaxmlp.runtime.processes import any_of, is_first, spans_processes
from jaxmlp.storage.checkpoint import Checkpoints, restore
from jaxmlp.storage.jointly import needs_others
from jaxmlp.storage.progress import (
    as_population,
    as_progress,
    population_parts,
    progress_like,
    progress_parts,
)
from jaxmlp.storage.sharing import from_first
from jaxmlp.storage.training_folder import opened
from jaxmlp.training.batches import num_steps
from jaxmlp.training.checks import check
from jaxmlp.training.identity import identity_of
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import Dataset, Progress

__all__ = ["Saved", "SavedMany", "resumable", "resumable_many"]

StrPath = str | os.PathLike[str]
SHARE = 0.05  # of the time may go into checkpoints


class Saved(NamedTuple):
    """A training in a folder."""

    start: Progress | None  # where to go on: for `train(start=...)`
    save: Callable[[Progress], None]  # for `train(on_block=...)`: saves when it is due


class SavedMany(NamedTuple):
    """A population's training in a folder."""

    start: Population | None  # where to go on: for `train_many(start=...)`
    save: Callable[[Report], None]  # for `train_many(on_block=...)`: saves when it is due


@contextlib.contextmanager
def resumable(
    folder: StrPath,
    recipe: Recipe,
    data: Dataset,
    seed: int,
    *,
    shuffle_seed: int | None = None,
    noise_seed: int | None = None,
    every: float = 1.0,
    keep: int = 3,
    accept_changes: bool = False,
    window: int | None = None,
    mesh: Mesh | None = None,
) -> Iterator[Saved]:
    """Keeps a training in a folder, where the same lines go on with it, to the same bits.

    A process that is killed, at whatever moment, loses what came after its last checkpoint; one
    that ends otherwise, by an error or Ctrl-C too, nothing but the block it was in. Once training
    is over the same lines return its result at once.

    Args:
      folder: where to; it is made if need be, and should have nothing else in it. One process at a
        time may use it.
      recipe: as for `train`. More epochs than before are allowed without a schedule.
      data: as for `train`.
      seed: as for `train`.
      shuffle_seed: as for `train`.
      noise_seed: as for `train`.
      every: seconds from one checkpoint to the next; longer where saving takes more than a
        twentieth of the time.
      keep: how many of the latest checkpoints to keep.
      accept_changes: whether to go on although versions, processor, threads or JAX's settings are
        others, so that the bits may be.
      window: as for `train`; another one than before, or none, goes on to the same bits.
      mesh: as for `train`. Where it has devices of several processes all of them call this; process
        0 alone has the folder, and tells the others where to start. Where it divides layers among
        them, each keeps its parts in the folder, which all of them see.

    Yields:
      What `train` needs: where to start, and what to call on each block.

    Raises:
      DamagedError: if there are checkpoints, and all are damaged.
      OSError: if the folder cannot be written.
      ValueError: if the recipe, data and seed do not fit each other, the folder holds a training
        that differs in one of them, as far as can be told, or another process is using it.

    >>> import tempfile
    >>> import jaxmlp, optax
    >>> folder = tempfile.mkdtemp()
    >>> data = Dataset([[0.0], [1.0]], [0.0, 2.0])
    >>> recipe = Recipe(
    ...     jaxmlp.mlp((1, 1)),
    ...     jaxmlp.regression(),
    ...     optax.sgd,
    ...     {"learning_rate": 0.1},
    ...     batch_size=2,
    ...     num_epochs=3,
    ... )
    >>> with resumable(folder, recipe, data, seed=0) as saved:
    ...     run = jaxmlp.train(recipe, data, seed=0, start=saved.start, on_block=saved.save)
    >>> with resumable(folder, recipe, data, seed=0) as saved:
    ...     int(saved.start.state.step)
    3
    """
    given = {"seed": seed, "shuffle_seed": shuffle_seed, "noise_seed": noise_seed}
    seeds = {name: seed if value is None else value for name, value in given.items()}
    recipe, data = check(recipe, data, *seeds.values(), window=window)
    identity, like = identity_of(recipe, data, seeds), progress_like(recipe, data, mesh)
    is_joint = any(map(needs_others, jax.tree.leaves(like)))
    is_told = mesh is not None and spans_processes(mesh) and not is_joint
    like = progress_like(recipe, data) if is_told else like
    if is_told and not is_first():
        told = from_first(None, like)
        yield Saved(as_progress(told) if told else None, lambda _: None)
        return
    with contextlib.ExitStack() as stack:
        path = Path(folder) / "checkpoints"
        if is_first() or not is_joint:
            path = stack.enter_context(opened(folder, identity, accept_changes))
        found = restore(path, like)
        found = from_first(found, like) if is_told else found
        start = as_progress(found) if found else None
        _refuse_fewer(path, start, recipe, len(data.train_inputs))
        with Checkpoints(path, keep) as checkpoints:

            def write(progress: Progress) -> None:
                checkpoints.save(*progress_parts(progress))

            saver = _Saver(write, _steps, every, any_of if is_joint else bool)
            try:
                yield Saved(start, saver.save)
            except BaseException:
                if not is_joint:  # or the others would be waited for, which may have no such error
                    saver.finish()
                raise
            saver.finish()


@contextlib.contextmanager
def resumable_many(
    folder: StrPath,
    recipe: Recipe | Callable[..., Recipe],
    data: Dataset | Sequence[Dataset],
    seeds: Iterable[int],
    sweep: Mapping[str, Iterable[Any]] | None = None,
    *,
    shuffle: str = "own",
    shuffle_seeds: Iterable[int] | None = None,
    noise_seeds: Iterable[int] | None = None,
    every: float = 1.0,
    accept_changes: bool = False,
    mesh: Mesh | None = None,
    window: int | None = None,
) -> Iterator[SavedMany]:
    """Does for `train_many` what `resumable` does for `train`; its other arguments are as there.

    A population that is stopped loses what its members have done of an epoch. Each of several
    processes keeps its own members, in a folder of its own in this one: "process-0" and so on.

    Yields:
      What `train_many` needs: where to start, and what to call on each block.

    Raises:
      DamagedError, OSError, ValueError: as `resumable` does.
    """
    seeds, sweep = list(seeds), {name: list(values) for name, values in (sweep or {}).items()}
    shuffles, noises = (None if s is None else list(s) for s in (shuffle_seeds, noise_seeds))
    shaped = as_data(data)
    grid = make_grid(recipe, seeds, sweep, shuffle, shuffles, noises, num_folds(shaped))
    if isinstance(shaped, Dataset):
        shaped = check(grid.recipes[0], shaped, window=window)[1]
    else:
        shaped = checked(grid, shaped, window)
        grid = by_shapes(grid, shaped)
    identity = identity_of_many(grid, shaped, shuffle)
    portion = own_portion(grid, shaped, mesh)
    folder, identity = _own_folder(Path(folder), portion, identity)
    with opened(folder, identity, accept_changes) as path:
        like = population_of(portion.grid, shaped)
        found = restore(path, like)
        with Checkpoints(path, keep=1) as checkpoints:

            def write(report: Report) -> None:
                checkpoints.save(*population_parts(report.snapshot(copy=False)))

            saver = _Saver(write, lambda report: int(report.epochs.sum()), every)
            yield SavedMany(as_population(found, like) if found else None, saver.save)
            saver.finish()  # an error may have come in the middle of what a snapshot reads


def _own_folder(
    folder: Path, portion: Portion, identity: dict[str, Any]
) -> tuple[Path, dict[str, Any]]:
    """Where this process keeps what it trains of a population, and which part of it that is."""
    if len(portion.processes) == 1:
        if (folder / "process-0").exists():
            raise ValueError(f"{folder} holds a training of several processes, got one")
        return folder, identity
    own = portion.processes.index(jax.process_index())
    part = {"process": own, "num_processes": len(portion.processes)}
    return folder / f"process-{own}", {**identity, **part}


def _refuse_fewer(path: Path, start: Progress | None, recipe: Recipe, num_examples: int) -> None:
    steps = num_steps(num_examples, recipe.batch_size)
    begun = -(-int(start.state.step) // steps) if start else 0
    if begun > recipe.num_epochs:
        raise ValueError(
            f"num_epochs needs to be at least {begun}, which {path.parent} has begun, "
            f"got {recipe.num_epochs}"
        )


class _Saver:
    """Saves what is due, and at the end what is not yet saved."""

    def __init__(
        self,
        write: Callable[[Any], None],
        position: Callable[[Any], Any],
        every: float,
        agree: Callable[[bool], bool] = bool,
    ) -> None:
        if not 0 <= every < math.inf:
            raise ValueError(f"every needs to be a number of seconds, got {every}")
        self._write, self._position_of, self._every = write, position, every
        self._latest, self._saved = None, None  # the latest; the position of what was saved last
        self._saved_at, self._cost = time.monotonic(), 0.0
        self._agree = agree  # with other processes, which save together

    def save(self, latest: Any) -> None:
        """Notes the latest, and saves it if it is due."""
        self._latest = latest
        seconds = time.monotonic() - self._saved_at
        if self._agree(seconds >= max(self._every, self._cost / SHARE)):
            self.finish()

    def finish(self) -> None:
        """Saves the latest, unless it is saved."""
        if self._latest is None or self._position_of(self._latest) == self._saved:
            return
        started = time.monotonic()
        self._write(self._latest)
        self._saved, self._saved_at = self._position_of(self._latest), time.monotonic()
        self._cost = self._saved_at - started


def _steps(progress: Progress) -> tuple[int, int]:
    """Steps and epochs done: at the end of an epoch's steps its line is yet to be made."""
    return int(progress.state.step), len(progress.history)
