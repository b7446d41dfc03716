"""Train one multilayer perceptron, or ten thousand, as one compiled program."""

from importlib.metadata import version

from jaxmlp import (
    activations,
    initializers,
    losses,
    metrics,
    optimizers,
    schedules,
    statistics,
)
from jaxmlp.adapters import from_flax
from jaxmlp.compilation_cache import cache_compilations
from jaxmlp.evaluation import evaluate, predict
from jaxmlp.mlp import mlp
from jaxmlp.parameters import digest, load_params, save_params
from jaxmlp.population import Halving, Population, plan_many, population_like, train_many
from jaxmlp.recipe import Recipe
from jaxmlp.runs import Runs
from jaxmlp.tasks import Task, binary_classification, classification, regression
from jaxmlp.training import TrainingFault, init_state, make_update, train, warm_up
from jaxmlp.types import Batch, Dataset, Dense, Fault, Info, Model, Progress, Run, TrainState

__all__ = [
    "Batch",
    "Dataset",
    "Dense",
    "Fault",
    "Halving",
    "Info",
    "Model",
    "Population",
    "Progress",
    "Recipe",
    "Run",
    "Runs",
    "Task",
    "TrainState",
    "TrainingFault",
    "activations",
    "binary_classification",
    "cache_compilations",
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
    "plan_many",
    "population_like",
    "predict",
    "regression",
    "save_params",
    "schedules",
    "statistics",
    "train",
    "train_many",
    "warm_up",
]

__version__ = version("jaxmlp")
