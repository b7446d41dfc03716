"""Train one multilayer perceptron, or ten thousand, as one compiled program."""

from importlib.metadata import version

from jaxmlp import activations, initializers, losses, metrics, optimizers, schedules
from jaxmlp.adapters import from_flax
from jaxmlp.evaluation import evaluate, predict
from jaxmlp.mlp import mlp
from jaxmlp.parameters import digest, load_params, save_params
from jaxmlp.recipe import Recipe
from jaxmlp.tasks import Task, binary_classification, classification, regression
from jaxmlp.training import TrainingFault, init_state, make_update, train, warm_up
from jaxmlp.types import Batch, Dataset, Dense, Fault, Info, Model, Progress, Run, TrainState

__all__ = [
    "Batch",
    "Dataset",
    "Dense",
    "Fault",
    "Info",
    "Model",
    "Progress",
    "Recipe",
    "Run",
    "Task",
    "TrainState",
    "TrainingFault",
    "activations",
    "binary_classification",
    "classification",
    "digest",
    "evaluate",
    "from_flax",
    "init_state",
    "initializers",
    "load_params",
    "losses",
    "make_update",
    "metrics",
    "mlp",
    "optimizers",
    "predict",
    "regression",
    "save_params",
    "schedules",
    "train",
    "warm_up",
]

__version__ = version("jaxmlp")
