"""Runs of different seeds as one."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from jaxmlp.populations.runs import Runs

__all__ = ["join"]


def join(parts: Sequence[Runs]) -> Runs:
    """Runs of different seeds as one.

    Args:
      parts: with the same axes but for the values of "seed".

    Raises:
      ValueError: if there are none, one has no axis "seed", a seed is there twice, or the other
        axes, the metrics, or the number of epochs differ.
    """
    if not parts:
        raise ValueError("join needs runs, got none")
    if missing := [part for part in parts if "seed" not in part.axes]:
        raise ValueError(f"join needs an axis seed, got {', '.join(missing[0].axes) or 'none'}")
    first = parts[0]
    for part in parts:
        # Items, for the order of the axes is that of the arrays.
        ours, theirs = ([*({**each.axes, "seed": ()}.items())] for each in (first, part))
        if theirs != ours:
            raise ValueError(f"join needs the same other axes, got {dict(ours)} and {dict(theirs)}")
        lengths, others = (
            {name: values.shape[-1] for name, values in each.history.items()}
            for each in (first, part)
        )
        if others != lengths:
            raise ValueError(f"join needs the same metrics and epochs, got {lengths} and {others}")
    seeds = [seed for part in parts for seed in part.axes["seed"]]
    if twice := [seed for seed, count in Counter(seeds).items() if count > 1]:
        raise ValueError(f"join needs every seed once, got {twice[0]} twice")

    axis = list(first.axes).index("seed")
    programs = np.cumsum([0, *(len(part.states) for part in parts)])
    starts = np.cumsum([0, *(len(part.axes["seed"]) for part in parts)])
    return Runs(
        axes={**first.axes, "seed": tuple(seeds)},
        history={
            name: np.concatenate([part.history[name] for part in parts], axis)
            for name in first.history
        },
        stopped_at=np.concatenate([part.stopped_at for part in parts], axis),
        states=tuple(state for part in parts for state in part.states),
        places=np.concatenate(
            [
                np.where(
                    part.places < 0, -1, part.places + np.array([program, 0], part.places.dtype)
                )
                for part, program in zip(parts, programs[:-1], strict=True)
            ],
            axis,
        ),
        faults={
            (*position[:axis], int(position[axis] + offset), *position[axis + 1 :]): fault
            for part, offset in zip(parts, starts[:-1], strict=True)
            for position, fault in part.faults.items()
        },
        share_of_work=float(
            np.average([part.share_of_work for part in parts], weights=np.diff(starts))
        ),
        columns=tuple(columns for part in parts for columns in part.columns),
        ended_by=_joined([part.ended_by for part in parts], axis),
        eval_params=tuple(function for part in parts for function in part.eval_params),
        homes=_joined([part.homes for part in parts], axis),
        sizes=first.sizes,
        metrics=tuple(dict.fromkeys(metric for part in parts for metric in part.metrics)),
    )


def _joined(arrays: Sequence[np.ndarray | None], axis: int) -> np.ndarray | None:
    there = [array for array in arrays if array is not None]
    return np.concatenate(there, axis) if len(there) == len(arrays) else None
