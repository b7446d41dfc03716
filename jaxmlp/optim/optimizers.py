"""Optimizers by name, from optax, and what can be added to any of them.

Each is a function of hyperparameters that returns an optax gradient transformation, which is the
form a `Recipe` takes; `learning_rate` is a number or an optax schedule. None decays the weights by
itself: `regularized` adds that to any optimizer, and penalties, clipping, bounded norms and an
average of the weights, for which `averaged` is a recipe's `eval_params`.
"""

import optax
from optax import adagrad, adam, nadam, rmsprop, sgd

from jaxmlp.optim.averages import averaged as averaged
from jaxmlp.optim.regularizers import Optimizer as Optimizer
from jaxmlp.optim.regularizers import regularized as regularized
from jaxmlp.optim.regularizers import with_decay as with_decay

__all__ = ["adagrad", "adam", "lion", "momentum", "nadam", "nesterov", "rmsprop", "sgd"]


def momentum(
    learning_rate: optax.ScalarOrSchedule, momentum: float = 0.9
) -> optax.GradientTransformation:
    """Gradient descent with a heavy ball (Polyak, 1964)."""
    return optax.sgd(learning_rate, momentum=momentum)


def nesterov(
    learning_rate: optax.ScalarOrSchedule, momentum: float = 0.9
) -> optax.GradientTransformation:
    """Gradient descent with Nesterov's momentum (Sutskever et al., 2013)."""
    return optax.sgd(learning_rate, momentum=momentum, nesterov=True)


def lion(
    learning_rate: optax.ScalarOrSchedule, b1: float = 0.9, b2: float = 0.99
) -> optax.GradientTransformation:
    """The sign of a momentum, with no decay of the weights (Chen et al., 2023)."""
    return optax.lion(learning_rate, b1, b2, weight_decay=0.0)
