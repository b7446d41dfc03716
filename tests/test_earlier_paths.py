"""Modules stay reachable by the paths that they had before there were rooms."""

import importlib

import pytest

EARLIER = {
    "activations": "nn.activations",
    "adapters": "interop.flax",
    "averages": "optim.averages",
    "bars": "runtime.bars",
    "batches": "training.batches",
    "checkpoint": "storage.checkpoint",
    "cohort": "populations.cohort",
    "compilation": "runtime.compilation",
    "compilation_cache": "runtime.compilation_cache",
    "diagnosis": "training.diagnosis",
    "engine": "training.engine",
    "evaluation": "training.evaluation",
    "examples": "training.examples",
    "grid": "populations.grid",
    "initializers": "nn.initializers",
    "keydata": "runtime.keydata",
    "limits": "training.limits",
    "losses": "objectives.losses",
    "members": "populations.members",
    "memory": "runtime.memory",
    "metrics": "objectives.metrics",
    "mlp": "nn.mlp",
    "naming": "naming",
    "optimizers": "optim.optimizers",
    "parameters": "storage.parameters",
    "planning": "populations.planning",
    "population": "populations.many",
    "randomness": "randomness",
    "receipt": "runtime.receipt",
    "recipe": "training.recipe",
    "recompilation": "runtime.recompilation",
    "runs": "populations.runs",
    "schedules": "optim.schedules",
    "statistics": "statistics",
    "stopping": "training.stopping",
    "tasks": "objectives.tasks",
    "training": "training",
    "types": "types",
    "update": "training.step",
}


@pytest.mark.parametrize("name", EARLIER)
def test_an_earlier_path_leads_to_the_module(name):
    home = importlib.import_module(f"jaxmlp.{EARLIER[name]}")
    assert importlib.import_module(f"jaxmlp.{name}") is home


def test_names_are_imported_by_earlier_paths():
    from jaxmlp.losses import hinge
    from jaxmlp.mlp import variant
    from jaxmlp.population import train_many
    from jaxmlp.update import make_update

    import jaxmlp
    from jaxmlp.training import train, warm_up

    assert jaxmlp.losses.hinge is hinge
    assert jaxmlp.nn.mlp.variant is variant
    assert callable(jaxmlp.mlp)  # the function, not the module
    assert (jaxmlp.train_many, jaxmlp.train, jaxmlp.warm_up) == (train_many, train, warm_up)
    assert jaxmlp.make_update is make_update
    assert issubclass(jaxmlp.recompilation.RecompilationWarning, UserWarning)


def test_names_that_moved_on_are_imported_by_earlier_paths():
    from jaxmlp.cohort import Cohort, Halving, Population, Report, beginning, columns, copied
    from jaxmlp.cohort import population_of as shapes
    from jaxmlp.runs import Runs, join, label

    names = (Cohort, Halving, Population, Report, beginning, columns, copied, shapes)
    assert [each.__name__ for each in names] == [
        *("Cohort", "Halving", "Population", "Report"),
        *("beginning", "columns", "copied", "population_of"),
    ]
    assert [each.__name__ for each in (Runs, join, label)] == ["Runs", "join", "label"]
