"""Train one multilayer perceptron, or ten thousand, as one compiled program."""

import importlib
import sys
from importlib.metadata import version

from jaxmlp import statistics
from jaxmlp.interop.flax import from_flax, to_flax
from jaxmlp.interop.keras import from_keras, to_keras
from jaxmlp.interop.safetensors import load_safetensors, save_safetensors
from jaxmlp.interop.torch import from_torch, to_torch
from jaxmlp.nn import activations, initializers, layers
from jaxmlp.nn.hidden import layer_outputs
from jaxmlp.nn.lift import lift
from jaxmlp.nn.mlp import mlp, without_ladder
from jaxmlp.nn.precision import with_precision
from jaxmlp.nn.scaling import Scaling
from jaxmlp.nn.sharded import with_sharded
from jaxmlp.nn.standardized import standardized
from jaxmlp.nn.summary import summary
from jaxmlp.objectives import losses, metrics
from jaxmlp.objectives.adversarial import with_vat
from jaxmlp.objectives.answers import one_hot, top_k
from jaxmlp.objectives.mixup import with_mixup
from jaxmlp.objectives.records import Metric
from jaxmlp.objectives.tasks import Task, binary_classification, classification, regression
from jaxmlp.optim import optimizers, schedules
from jaxmlp.populations.gathering import gather
from jaxmlp.populations.many import Halving, Population, plan_many, population_like, train_many
from jaxmlp.populations.runs import Runs
from jaxmlp.runtime import processes
from jaxmlp.runtime.compilation_cache import cache_compilations
from jaxmlp.runtime.meshes import make_mesh
from jaxmlp.storage.network import Network, load, save
from jaxmlp.storage.parameters import digest, load_params, save_params
from jaxmlp.storage.resumable import resumable, resumable_many
from jaxmlp.training.evaluation import evaluate, predict
from jaxmlp.training.loop import TrainingFault, init_state, make_update, train, warm_up
from jaxmlp.training.recipe import Recipe
from jaxmlp.training.spread import scaling_of
from jaxmlp.types import (
    Batch,
    Context,
    Dataset,
    Dense,
    Fault,
    Info,
    LadderDense,
    LadderNormed,
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
    "LadderDense",
    "LadderNormed",
    "Metric",
    "Model",
    "Network",
    "Normed",
    "Population",
    "Progress",
    "Recipe",
    "Run",
    "Runs",
    "Scaling",
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
    "from_keras",
    "from_torch",
    "gather",
    "init_state",
    "initializers",
    "layer_outputs",
    "layers",
    "lift",
    "load",
    "load_params",
    "load_safetensors",
    "losses",
    "make_mesh",
    "make_update",
    "metrics",
    "mlp",
    "one_hot",
    "optimizers",
    "plan_many",
    "population_like",
    "predict",
    "processes",
    "regression",
    "resumable",
    "resumable_many",
    "save",
    "save_params",
    "save_safetensors",
    "scaling_of",
    "schedules",
    "standardized",
    "statistics",
    "summary",
    "to_flax",
    "to_keras",
    "to_torch",
    "top_k",
    "train",
    "train_many",
    "warm_up",
    "with_mixup",
    "with_precision",
    "with_sharded",
    "with_vat",
    "without_ladder",
]

__version__ = version("jaxmlp")

# Modules by their earlier paths, which programs outside of this repository import: jaxmlp.batches.
for _path in (
    *("nn.activations", "nn.initializers", "nn.mlp"),
    *("objectives.losses", "objectives.metrics", "objectives.tasks"),
    *("optim.averages", "optim.optimizers", "optim.schedules"),
    *("training.batches", "training.diagnosis", "training.engine", "training.evaluation"),
    *("training.examples", "training.limits", "training.recipe", "training.stopping"),
    *("populations.cohort", "populations.grid", "populations.members", "populations.planning"),
    *("populations.runs", "storage.checkpoint", "storage.parameters"),
    *("runtime.bars", "runtime.compilation", "runtime.compilation_cache", "runtime.keydata"),
    *("runtime.memory", "runtime.processes", "runtime.receipt", "runtime.recompilation"),
):
    _module = importlib.import_module(f"jaxmlp.{_path}")
    sys.modules[f"jaxmlp.{_path.partition('.')[2]}"] = _module
    globals().setdefault(_path.partition(".")[2], _module)
for _name, _path in (("adapters", "interop.flax"), ("population", "populations.many")):
    sys.modules[f"jaxmlp.{_name}"] = importlib.import_module(f"jaxmlp.{_path}")
sys.modules["jaxmlp.update"] = sys.modules["jaxmlp.training.step"]
# Names that have left the modules of those paths since.
for _name, _path in (
    *(("runs", "populations.join"), ("runs", "training.labels")),
    ("cohort", "populations.population"),
):
    _module = importlib.import_module(f"jaxmlp.{_path}")
    _names = {name: getattr(_module, name) for name in _module.__all__}
    vars(sys.modules[f"jaxmlp.{_name}"]).update(_names)
