"""Sweeps that pages are made of: results at once, without training."""

import math

import numpy as np
from report_subjects import dataset

import jaxmlp
from experiments.app import recipes, settings, standings
from experiments.app.job import Job
from experiments.report.subject import of_sweep
from jaxmlp import statistics
from jaxmlp.types import Fault

MOST_TESTED = 10  # settings, of which each test takes its time
RATES = (0.1, 0.01, 0.001)
FAULT = Fault(12, 3, "loss", "layer_1", "too large")


def subject(path, num_seeds=8, axes=None, faults=()):
    """A sweep's subject: of each rate (by default) a mean of its own, over some seeds."""
    axes = {"learning_rate": RATES} if axes is None else axes
    runs = results(axes, num_seeds)._replace(faults=dict.fromkeys(faults, FAULT))
    data = dataset("classification")
    config = {**settings.DEFAULTS, "learning_rate": 0.1, "batch_size": 4, "num_epochs": 3}
    config |= {"sizes": [6, 5, 3], "hidden_sizes": [5], "task": "classification", "given": {}}
    config |= {"image_shape": [2, 3], "mode": "exact", "threads": 1, "dataset": "dots"}
    job = Job(recipes.recipe(config), data, config, path)
    rows = statistics.summarize(runs, job.metric, interval="t")
    p_values = [math.nan] * len(rows)
    if len(rows) <= MOST_TESTED:
        p_values = standings.against_best(runs, job.metric, rows)
    summary = {
        "num_networks": int(runs.stopped_at.size),
        "mode": "exact",
        "share_of_work": 0.75,
        "network_epochs_per_second": 12.5,
        "params_sha256": "c" * 64,
        "seconds": {"train": 1.0},
        "settings": [{"verdict": {}, "p_against_best": None} for _ in rows],
    }
    return of_sweep(job, runs, rows, p_values, summary)


def results(axes, num_seeds):
    """Three epochs, the first setting the best: seed s has s thousandths more."""
    axes = {**axes, "seed": tuple(range(num_seeds))}
    shape = tuple(map(len, axes.values()))
    place = np.arange(np.prod(shape[:-1])).reshape(*shape[:-1], 1, 1)
    accuracy = 0.9 - 0.1 * place + np.arange(num_seeds)[:, None] / 1000 - np.array([0.2, 0.1, 0])
    history = {"test_accuracy": np.float32(accuracy), "test_loss": np.float32(1 - accuracy)}
    stopped_at = np.full(shape, 3, np.int32)
    return jaxmlp.Runs(axes, history, stopped_at, (), np.full((*shape, 2), -1), {})
