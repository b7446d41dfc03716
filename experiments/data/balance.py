"""What examples of classes weigh for all classes to weigh alike together."""

import numpy as np

__all__ = ["weights"]


def weights(labels: np.ndarray, num_classes: int) -> list[float]:
    """N / (K x examples of the class), of N examples of K classes: 1 in the mean over examples.

    As scikit-learn's `class_weight="balanced"`, and 0 for a class without an example.

    Args:
      labels: (N,) or (N, 1) classes, or (N, num_classes) one-hot.
      num_classes: how many there are; at least two are taken.

    >>> weights(np.array([0, 0, 0, 1]), 2)
    [0.6666666666666666, 2.0]
    """
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] > 1:
        counts = labels.sum(axis=0, dtype=np.float64)
    else:
        counts = np.bincount(labels.reshape(-1).astype(int), minlength=max(num_classes, 2))
    there = counts > 0
    found = np.where(there, counts.sum() / (there.sum() * np.where(there, counts, 1)), 0.0)
    return [float(weight) for weight in found]
