"""The pictures of a run: each function draws one PNG."""

from experiments.plots.run_answers import answers
from experiments.plots.run_confusion import confusion_matrix
from experiments.plots.run_curves import learning_curves
from experiments.plots.run_examples import predictions, wrong_examples
from experiments.plots.run_values import values
from experiments.plots.run_weights import first_layer

__all__ = [
    "answers",
    "confusion_matrix",
    "first_layer",
    "learning_curves",
    "predictions",
    "values",
    "wrong_examples",
]
