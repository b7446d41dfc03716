"""Folds of a data set's training examples: a cross-validation that leaves its test set alone."""

import numpy as np

from experiments.data.idx import DataError
from experiments.data.tables import splits
from jaxmlp.types import Dataset

__all__ = ["folded"]


def folded(data: Dataset, count: int, validation_fraction: float = 0.0) -> tuple[Dataset, ...]:
    """Data sets that each train on most of the training examples, and are tested on the rest.

    Each training example is tested once; classes are divided alike, always in the same way, as
    `splits.folds` does. All train on as many: where the examples do not divide, a fold that tests
    one less leaves one out. The test set of the data is in none of them.

    Args:
      data: without a validation set, in memory.
      count: of folds, 2 at least.
      validation_fraction: of each fold's training examples.

    Raises:
      DataError: if there are fewer examples than folds, or they are not in memory.

    >>> data = Dataset(np.arange(7.0)[:, None], np.array([0, 0, 0, 0, 1, 1, 1]))
    >>> first, second = folded(data, 2)
    >>> len(first.train_inputs), sorted([*first.test_inputs[:, 0], *second.test_inputs[:, 0]])
    (3, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    """
    inputs, labels = data.train_inputs, data.train_labels
    if not isinstance(inputs, np.ndarray) or isinstance(inputs, np.memmap):
        raise DataError(f"{data.name}: expected examples in memory for folds, got files of them")
    found = splits.folds(labels, count, validation_fraction, where=data.name)
    return tuple(_of_rows(data, rows) for rows in found)


def _of_rows(data: Dataset, rows: splits.Rows) -> Dataset:
    inputs, labels, weights = data.train_inputs, data.train_labels, data.train_weights
    has_validation = len(rows.validation) > 0
    return data._replace(
        train_inputs=inputs[rows.train],
        train_labels=labels[rows.train],
        validation_inputs=inputs[rows.validation] if has_validation else None,
        validation_labels=labels[rows.validation] if has_validation else None,
        test_inputs=inputs[rows.test],
        test_labels=labels[rows.test],
        train_weights=None if weights is None else weights[rows.train],
    )
