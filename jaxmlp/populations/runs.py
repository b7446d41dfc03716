"""What training a population leaves: results with named axes."""

import operator
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxmlp.objectives.records import Metric, of_column
from jaxmlp.optim.averages import EvalParams, eval_params
from jaxmlp.runtime.keydata import typed
from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.training.labels import as_column
from jaxmlp.training.stopping import score
from jaxmlp.types import Fault, PyTree, Run, TrainState

__all__ = ["FAULT", "HALVING", "LENGTH", "PATIENCE", "Runs"]

LENGTH, PATIENCE, HALVING, FAULT = 1, 2, 3, 4  # why a member ended


class Runs(NamedTuple):
    """The results of `train_many`; each array begins with the members' axes, in their order.

    An axis is a swept name with its values, as they were given; the last is "seed", and where
    there are folds, "fold" is the first after those that are swept. A network is called a member of
    the population.
    """

    axes: Mapping[str, tuple[Hashable, ...]]
    history: Mapping[str, np.ndarray]  # name -> (*axes, epoch) float32, NaN after a member's end
    stopped_at: np.ndarray  # (*axes) int32, the epochs that each member finished
    states: tuple[TrainState, ...]  # one a program, leaves (its members, ...), in NumPy; `plain`
    places: np.ndarray  # (*axes, 2) int32, a member's program, and its row there
    faults: Mapping[tuple[int, ...], Fault]  # position along the axes -> where a member ended
    share_of_work: float = 1.0  # of the whole population: epochs trained, of those asked for
    columns: tuple[tuple[str, ...], ...] = ()  # one a program: its names in the history; (): all
    ended_by: np.ndarray | None = None  # (*axes) int8: 0 for not yet, or one of those below
    eval_params: tuple[EvalParams | None, ...] = ()  # one a program, of its recipe; (): none
    metrics: tuple[Metric, ...] = ()  # of all tasks; what is none of these is known by its name
    homes: np.ndarray | None = None  # (*axes) int32, the process that has the state; None: this one
    processes: tuple[int, ...] = ()  # that have trained the population together; (): this one
    # Of folds, the examples of each: "train" -> (400, 400, 401), and of the other sets likewise.
    sizes: Mapping[str, tuple[int, ...]] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def params(self) -> PyTree:
        """The members' parameters as one tree, leaves (*axes, ...).

        Raises:
          ValueError: if the members' parameters differ in shape, `select` some that do not; or if
            another process has some of them, see `gather`.
        """
        self._check_here()
        programs = np.unique(self.places[..., 0])
        trees = [self._params_of(program) for program in programs]
        kinds = {
            tuple((name, leaf.shape[1:]) for name, leaf in named_leaves(tree)) for tree in trees
        }
        if len(kinds) > 1:
            raise ValueError(
                f"params needs members of one shape, got {len(kinds)}: select some of them first, "
                f"along {', '.join(self.axes)}"
            )
        starts = np.cumsum([0, *(len(jax.tree.leaves(tree)[0]) for tree in trees)])
        offsets = np.zeros(len(self.states), int)
        offsets[programs] = starts[:-1]
        rows = offsets[self.places[..., 0]] + self.places[..., 1]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves)[rows], *trees)

    def member(self, **where: Hashable) -> Run:
        """One member's result, as `train` would return it.

        Args:
          where: a value for each axis longer than one.

        Raises:
          ValueError: if an axis has no such value, or is left out, or another process has its
            state.
        """
        chosen = self.select(**where)
        position = tuple(0 for _ in chosen.axes)
        if open_axes := [name for name, values in chosen.axes.items() if len(values) > 1]:
            raise ValueError(f"member needs a value for {', '.join(open_axes)}, got {where}")
        chosen._check_here()
        program, row = chosen.places[position]
        state = typed(jax.tree.map(lambda leaf: leaf[row], self.states[program]))
        end = int(chosen.stopped_at[position])
        history = {name: values[position][:end] for name, values in chosen.history.items()}
        if chosen.columns:
            history = {name: history[name] for name in chosen.columns[program]}
        return Run(self._evaluated(program, state), state, history)

    @property
    def is_here(self) -> np.ndarray:
        """Whether this process has a member's state, as it has of all that it trained; (*axes)."""
        return np.asarray(self.places[..., 1] >= 0)

    def _check_here(self) -> None:
        if not (is_here := self.is_here).all():
            assert self.homes is not None
            home = self.homes[~is_here].flat[0]
            raise ValueError(
                f"a member's state needs to be here, got one that process {home} trained: ask it "
                "there, or jaxmlp.gather(runs) for all, which all processes are to call"
            )

    def _evaluated(self, program: int, state: TrainState) -> PyTree:
        return eval_params(self.eval_params[program] if self.eval_params else None, state)

    def _params_of(self, program: int) -> PyTree:
        """Those of a program's members; leaves (its members, ...)."""
        states = self.states[program]
        if not any(self.eval_params):
            return states.params
        members = [
            self._evaluated(program, typed(jax.tree.map(operator.itemgetter(row), states)))
            for row in range(len(states.step))
        ]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *members)

    def select(self, **where: Hashable) -> "Runs":
        """The members with these values; their axes are gone.

        Raises:
          ValueError: if there is no such axis, or no such value on it.
        """
        index: list[int | slice] = []
        for name, values in self.axes.items():
            if name not in where:
                index.append(slice(None))
                continue
            value = where[name]
            value = tuple(value) if isinstance(value, list) else value
            if value not in values:
                raise ValueError(f"{name} needs to be one of {values}, got {where[name]}")
            index.append(values.index(value))
        if unknown := [name for name in where if name not in self.axes]:
            raise ValueError(f"expected the axes {', '.join(self.axes)}, got {', '.join(unknown)}")
        at = tuple(index)
        return self._replace(
            axes={name: values for name, values in self.axes.items() if name not in where},
            history={name: values[at] for name, values in self.history.items()},
            stopped_at=self.stopped_at[at],
            ended_by=None if self.ended_by is None else self.ended_by[at],
            places=self.places[at],
            homes=None if self.homes is None else self.homes[at],
            sizes={} if "fold" in where else self.sizes,
            faults={
                tuple(p for p, i in zip(position, at, strict=True) if isinstance(i, slice)): fault
                for position, fault in self.faults.items()
                if all(isinstance(i, slice) or p == i for p, i in zip(position, at, strict=True))
            },
        )

    def metric(self, column: str) -> Metric:
        """What there is to know of a column of the history, by the column's name.

        Raises:
          ValueError: if the history has no such column.
        """
        if column not in self.history:
            raise ValueError(f"the history needs {column}, got {', '.join(self.history)}")
        return of_column(column, self.metrics)

    def final(self, metric: str) -> np.ndarray:
        """Each member's last measured value of a metric; (*axes) float32, NaN where there is none.

        Raises:
          ValueError: if the history has no such metric.
        """
        if metric not in self.history:
            raise ValueError(f"the history needs {metric}, got {', '.join(self.history)}")
        values = self.history[metric]
        measured = ~np.isnan(values)
        last = values.shape[-1] - 1 - measured[..., ::-1].argmax(axis=-1)
        return np.take_along_axis(values, last[..., None], axis=-1)[..., 0]

    def best(
        self,
        metric: str,
        mean_over: tuple[str, ...] = ("noise_seed", "shuffle_seed", "seed", "fold"),
    ) -> dict[str, Any]:
        """Where the best final value is: `runs.select(**runs.best(metric))` are those members.

        Args:
          metric: a name in the history.
          mean_over: axes whose members are averaged first, so that a lucky seed, or an easy fold,
            does not win; () for the best single member. A setting with a member that ended in a
            fault, or that halving ended, is passed over.

        Returns:
          A value for every other axis.

        Raises:
          ValueError: if the history has no such metric, or nothing was measured.
        """
        finals = self.final(metric)
        for position in self.faults:
            finals[position] = np.nan
        if self.ended_by is not None:
            finals = np.where(self.ended_by == HALVING, np.nan, finals)
        record = self.metric(metric)
        scores = np.vectorize(lambda value: score({metric: float(value)}, record))(finals)
        names = list(self.axes)
        over = tuple(i for i, name in enumerate(names) if name in mean_over)
        scores = scores.mean(axis=over)
        if not scores.size or np.isneginf(scores.max()):
            raise ValueError(f"best needs a setting whose members all measured {metric}, got none")
        position = np.unravel_index(scores.argmax(), scores.shape)
        kept = [name for name in names if name not in mean_over]
        return {name: self.axes[name][i] for name, i in zip(kept, position, strict=True)}

    def _columns(self) -> dict[str, np.ndarray]:
        """The history by names that no axis has."""
        return {
            f"epoch_{name}" if name in self.axes else name: values
            for name, values in self.history.items()
        }

    def __repr__(self) -> str:
        """The axes and the names in the history, rather than thousands of numbers."""
        axes = ", ".join(f"{name}={len(values)}" for name, values in self.axes.items())
        return f"Runs({axes}; {', '.join(self.history)})"

    def to_xarray(self) -> Any:
        """The history and `stopped_at` as an `xarray.Dataset` with the axes as coordinates.

        A swept learning rate is the axis; that of each epoch is then "epoch_learning_rate".

        Raises:
          ImportError: without the package xarray, which `jaxmlp` does not install.
        """
        import xarray

        sizes = self.shape
        coordinates = {name: as_column(values) for name, values in self.axes.items()}
        epochs = next(iter(self.history.values())).shape[-1]
        variables: dict[str, Any] = {
            name: ((*self.axes, "epoch"), values) for name, values in self._columns().items()
        }
        variables["stopped_at"] = (tuple(self.axes), self.stopped_at.reshape(sizes))
        return xarray.Dataset(variables, {**coordinates, "epoch": np.arange(1, epochs + 1)})

    def to_dataframe(self) -> Any:
        """The history as a `pandas.DataFrame`, a row for each member and epoch that it finished.

        A swept learning rate is the axis; that of each epoch is then "epoch_learning_rate".

        Raises:
          ImportError: without the package pandas, which `jaxmlp` does not install.
        """
        import pandas

        epochs = next(iter(self.history.values())).shape[-1]
        labels = [*(as_column(values) for values in self.axes.values()), np.arange(1, epochs + 1)]
        index = pandas.MultiIndex.from_product(labels, names=[*self.axes, "epoch"])
        frame = pandas.DataFrame(
            {name: values.reshape(-1) for name, values in self._columns().items()}, index
        ).reset_index()
        finished = np.arange(epochs) < self.stopped_at[..., None]
        return frame[finished.reshape(-1)].reset_index(drop=True)
