"""Where a training goes on: a `Progress` that another call, or another process, left."""

import math

from jaxmlp.runtime.leaves import named_leaves
from jaxmlp.training.engine import Engine
from jaxmlp.types import Progress

__all__ = ["resumed", "without_a_late_look"]


def resumed(engine: Engine, start: Progress, beginning: Progress, steps: int) -> Progress:
    """Where to go on, once its arrays are seen to be those of this recipe."""
    expected, got = (
        dict(named_leaves({"state": each.state, "totals": each.totals}))
        for each in (beginning, start)
    )
    for name in sorted(expected.keys() | got.keys()):
        shapes = [
            f"{tree[name].dtype} {tree[name].shape}" if name in tree else "nothing"
            for tree in (expected, got)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError(f"start needs {shapes[0]} at {name}, got {shapes[1]}")
    step, first = int(start.state.step), len(start.history) * steps
    if not first <= step <= first + steps:
        raise ValueError(
            f"start needs a step from {first} to {first + steps} after {len(start.history)} epochs "
            f"of {steps} steps, got {step}"
        )
    return start._replace(state=engine.put_state(start.state), totals=engine.put(start.totals))


def without_a_late_look(progress: Progress, eval_every: int, num_epochs: int) -> Progress:
    """The progress as a training of more epochs would have it.

    The last epoch has a look at the other sets, whether it is due or not; where more epochs follow,
    it was none.

    >>> line = {"train_loss": 0.5, "test_loss": 0.6}
    >>> without_a_late_look(Progress(None, {}, (line,)), 2, 4).history
    ({'train_loss': 0.5, 'test_loss': nan},)
    """
    epoch = len(progress.history)
    if not epoch or epoch >= num_epochs or epoch % eval_every == 0:
        return progress
    *before, last = progress.history
    blank = {name: math.nan for name in last if name.startswith(("validation_", "test_"))}
    return progress._replace(history=(*before, {**last, **blank}))
