"""Runs that pages are made of: finished at once, without training."""

import jax
import numpy as np

import jaxmlp
from experiments.app import recipes, settings
from experiments.app.job import Job
from experiments.report.subject import of_run
from jaxmlp.types import Dataset

ENDS = {"classification": "accuracy", "binary": "binary_accuracy", "multilabel": "binary_accuracy"}


def subject(path, task="classification", **data):
    """A run's subject; `data` are fields of the data set in the place of its own."""
    made = dataset(task)._replace(**data)
    outputs = made.num_classes if task == "classification" else int(made.train_labels[0].size)
    sizes = [made.train_inputs.shape[1], 5, outputs]
    given = {**settings.DEFAULTS, "num_epochs": 2, "batch_size": 4, "learning_rate": 0.25}
    config = given | {"task": task, "sizes": sizes, "hidden_sizes": [5], "dataset": made.name}
    config |= {"image_shape": made.image_shape, "threads": 1, "mode": "exact"}
    job = Job(recipes.recipe(config), made, config, path, None)
    params = job.recipe.model.init(jax.random.key(0))
    lines = [{"epoch": i, "train_loss": 1 / i, "test_loss": 2 / i} for i in (1, 2)]
    names = ["loss", *([ENDS[task]] if task in ENDS else ["absolute_error", "r2"])]
    figures = {f"{kind}_{name}": 0.5 for kind in ("train", "test") for name in names}
    summary = figures | {"num_epochs": 2, "num_parameters": 88, "params_sha256": "a" * 64}
    summary |= {"verdict": {}, "seconds": {"train": 1.0}}
    answers = np.asarray(jaxmlp.predict(job.recipe, params, made.test_inputs))
    return of_run(job, lines, params, summary, answers)


def dataset(task):
    """Eight examples of six inputs to train on and to test on."""
    random = np.random.default_rng(0)
    inputs = random.integers(0, 256, (16, 6)).astype(np.uint8)
    labels = {
        "classification": np.arange(16, dtype=np.int32) % 3,
        "binary": np.arange(16, dtype=np.int32) % 2,
        "multilabel": (np.arange(32).reshape(16, 2) % 3 > 0).astype(np.float32),
        "regression": np.linspace(0, 15, 16, dtype=np.float32)[:, None],
    }[task]
    return Dataset(
        *(inputs[:8], labels[:8], inputs[8:], labels[8:]),
        name="dots",
        source="a test",
        sha256="b" * 64,
        num_classes={"classification": 3, "binary": 2}.get(task, 0),
        image_shape=(2, 3),
    )
