"""Train one multilayer perceptron, or ten thousand, as one compiled program."""

import sys
from importlib.metadata import version

from jaxmlp import statistics
from jaxmlp.interop import flax
from jaxmlp.interop.flax import from_flax
from jaxmlp.nn import activations, initializers, layers
from jaxmlp.nn.lift import lift
from jaxmlp.nn.mlp import mlp
from jaxmlp.nn.summary import summary
from jaxmlp.objectives import losses, metrics, tasks
from jaxmlp.objectives.records import Metric
from jaxmlp.objectives.tasks import Task, binary_classification, classification, regression
from jaxmlp.optim import averages, optimizers, schedules
from jaxmlp.populations import grid, many, runs
from jaxmlp.populations.many import Halving, Population, plan_many, population_like, train_many
from jaxmlp.populations.runs import Runs
from jaxmlp.runtime import compilation, compilation_cache, memory, receipt
from jaxmlp.runtime.compilation_cache import cache_compilations
from jaxmlp.storage import checkpoint, parameters
from jaxmlp.storage.parameters import digest, load_params, save_params
from jaxmlp.training import batches, engine, evaluation, recipe, step, stopping
from jaxmlp.training.evaluation import evaluate, predict
from jaxmlp.training.loop import TrainingFault, init_state, make_update, train, warm_up
from jaxmlp.training.recipe import Recipe
from jaxmlp.types import (
    Batch,
    Context,
    Dataset,
    Dense,
    Fault,
    Info,
    Model,
    Normed,
    Progress,
    Run,
    TrainState,
    Variables,
)

__all__ = [
    "Batch",
    "Context",
    "Dataset",
    "Dense",
    "Fault",
    "Halving",
    "Info",
    "Metric",
    "Model",
    "Normed",
    "Population",
    "Progress",
    "Recipe",
    "Run",
    "Runs",
    "Task",
    "TrainState",
    "TrainingFault",
    "Variables",
    "activations",
    "binary_classification",
    "cache_compilations",
    "classification",
    "digest",
    "evaluate",
    "from_flax",
    "init_state",
    "initializers",
    "layers",
    "lift",
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
    "summary",
    "train",
    "train_many",
    "warm_up",
]

__version__ = version("jaxmlp")

# Earlier paths, by which programs outside of this repository import: jaxmlp.losses, jaxmlp.recipe.
for _module in (
    *(activations, initializers, losses, metrics, tasks, optimizers, schedules, averages),
    *(recipe, batches, evaluation, stopping, engine, grid, runs),
    *(receipt, compilation, compilation_cache, memory, parameters, checkpoint),
):
    sys.modules[f"jaxmlp.{_module.__name__.rpartition('.')[2]}"] = _module
sys.modules |= {"jaxmlp.update": step, "jaxmlp.population": many, "jaxmlp.adapters": flax}
sys.modules["jaxmlp.mlp"] = sys.modules["jaxmlp.nn.mlp"]
