"""What takes no network: the answers of scikit-learn's simplest and of its strongest learners.

Each is fitted on the network's own training rows, as they are prepared for it, with a fixed seed
and scikit-learn's own settings; rows are drawn where there are many, so that none takes minutes.
"""

from typing import Any, NamedTuple

import numpy as np

from experiments.scores import learners

__all__ = ["Baselines", "fit", "is_simplest"]

SEED = 0  # of the rows that are drawn
MOST_ROWS = 20_000
MOST_NUMBERS = 20_000_000  # rows x features
FEWEST_ROWS = 2_000  # drawn of more: a learner of fewer would stand for none of its kind
LINEAR_WORK = 20_000_000_000  # rows x features x outputs x steps: about half a minute of one core
BOOSTING_WORK = 500_000_000  # rows x features x trees
MOST_STEPS, FEWEST_STEPS = 1_000, 50
SIMPLEST = ("commonest_class", "mean")


class Baselines(NamedTuple):
    """What came out."""

    outputs: dict[str, np.ndarray]  # name -> as `jaxmlp.predict` has them, (M, outputs) float64
    notes: list[str]  # what was left out or cut short, and why


class _Examples(NamedTuple):
    task: str
    train: np.ndarray  # (N, features) float64
    labels: np.ndarray  # (N, 1) classes, or (N, outputs)
    test: np.ndarray  # (M, features) float64
    weights: np.ndarray | None  # (N,)
    num_outputs: int


def is_simplest(name: str) -> bool:
    """Whether a baseline looks at no input."""
    return name in SIMPLEST


def fit(
    task: str,
    train_inputs: Any,
    train_labels: np.ndarray,
    test_inputs: Any,
    num_outputs: int,
    weights: np.ndarray | None = None,
    num_parts: int = 1,
) -> Baselines:
    """The answers to a test set of what is fitted on a training set.

    Args:
      task: "classification", "binary", "multilabel" or "regression".
      train_inputs: (N, features) as the network gets them: uint8 pixels, or float32.
      train_labels: (N,) classes or (N, K) one-hot; (N, L) of 0 and 1; (N,) or (N, V) values.
      test_inputs: (M, features).
      num_outputs: the network's: K classes, L questions or V values.
      weights: (N,) of the training rows, if they weigh differently; the commonest class and the
        mean are of all alike.
      num_parts: how many times this is done, as for each fold; all take the time of one.

    >>> inputs, labels = np.float32([[0], [1], [2], [3]]), np.array([0, 0, 0, 1])
    >>> fit("classification", inputs, labels, inputs[:1], 2).outputs["commonest_class"].tolist()
    [[0.75, 0.25]]
    """
    labels = _columns(task, np.asarray(train_labels), num_outputs)
    found = Baselines(_constant(task, labels, len(test_inputs), num_outputs), [])
    rows = _drawn(len(labels), train_inputs.shape[1])
    if rows is None:
        what = f"{train_inputs.shape[1]:,} features are too many for them"
        found.notes.append(f"no baselines of inputs: {what}")
        return found
    train, test = np.asarray(train_inputs[rows]), np.asarray(test_inputs)
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        found.notes.append("no baselines of inputs: these are not all finite")
        return found
    if len(rows) < len(labels):
        found.notes.append(f"baselines are fitted on {len(rows):,} of {len(labels):,} rows")
    drawn = None if weights is None else np.asarray(weights, np.float64)[rows]
    train, test = learners.scaled(train, test)
    examples = _Examples(task, train, labels[rows], test, drawn, num_outputs)
    is_of_values, work = task == "regression", train.size * num_outputs
    steps = int(np.clip(LINEAR_WORK // (work * num_parts), FEWEST_STEPS, MOST_STEPS))
    name = "ridge_regression" if is_of_values else "logistic_regression"
    _attempt(found, name, learners.linear(is_of_values, steps), examples)
    trees = learners.NUM_TREES * (
        1 if (task, num_outputs) == ("classification", 2) else num_outputs
    )
    if train.size * trees * num_parts <= BOOSTING_WORK:
        _attempt(found, "gradient_boosting", learners.boosting(is_of_values), examples)
    else:
        size = f"{len(train):,} rows of {train.shape[1]:,} features in {trees:,} trees"
        times = f", {num_parts} times," if num_parts > 1 else ""
        found.notes.append(f"no gradient boosting: {size}{times} take it minutes")
    return found


def _attempt(found: Baselines, name: str, learn: learners.Learn, examples: _Examples) -> None:
    """Adds a learner's answers, or why there are none: no finished run ends for want of them."""
    words, said = name.replace("_", " "), []
    try:
        with learners.quietly() as said:
            found.outputs[name] = _answers(learn, *examples)
    except (ValueError, FloatingPointError, MemoryError) as error:
        found.notes.append(f"no {words}: {type(error).__name__}: {error}".splitlines()[0])
    if said:
        found.notes.append(f"{words} was stopped before it had converged")


def _answers(
    learn: learners.Learn,
    task: str,
    train: np.ndarray,
    labels: np.ndarray,
    test: np.ndarray,
    weights: np.ndarray | None,
    num_outputs: int,
) -> np.ndarray:
    if task == "regression":
        return learners.values(learn, train, labels, test, weights)
    if task == "classification":
        return learners.probabilities(learn, train, labels[:, 0], test, weights, num_outputs)
    of_each = [learners.probabilities(learn, train, y, test, weights, 2) for y in labels.T]
    return np.stack([no_and_yes[:, 1] for no_and_yes in of_each], axis=1)


def _columns(task: str, labels: np.ndarray, num_outputs: int) -> np.ndarray:
    """Labels as (N, 1) classes, or (N, outputs) values or answers."""
    if task == "classification":
        is_wide = labels.ndim == 2 and labels.shape[1] > 1
        return (labels.argmax(axis=1) if is_wide else labels).reshape(-1, 1).astype(int)
    kind = np.float64 if task == "regression" else np.int64
    return labels.reshape(len(labels), num_outputs).astype(kind)


def _constant(
    task: str, labels: np.ndarray, num_rows: int, num_outputs: int
) -> dict[str, np.ndarray]:
    """The best that can be said of all rows alike."""
    shares = labels.mean(axis=0)
    if task == "classification":
        shares = np.bincount(labels[:, 0], minlength=num_outputs) / len(labels)
    return {SIMPLEST[task == "regression"]: np.tile(shares, (num_rows, 1))}


def _drawn(num_all: int, num_features: int) -> np.ndarray | None:
    """The numbers of the rows to fit on, in rising order; None where they would be too few."""
    num_rows = min(num_all, MOST_ROWS, MOST_NUMBERS // num_features)
    if num_rows < min(num_all, FEWEST_ROWS):
        return None
    if num_rows == num_all:
        return np.arange(num_all)
    return np.sort(np.random.default_rng(SEED).choice(num_all, num_rows, replace=False))
