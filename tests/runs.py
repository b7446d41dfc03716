"""Folders of runs: what they hold, and what two runs with the same bits have alike."""

import hashlib
import json

import numpy as np

import jaxmlp
from experiments import datasets, recipes, recorder
from jaxmlp import checkpoints


def read(path):
    return json.loads(path.read_text())


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def save_npz(path, data):
    """A data set as a user's own file; returns the flag that names it."""
    names = ("x_train", "y_train", "x_test", "y_test")
    np.savez(path, **dict(zip(names, data[:4], strict=True)))
    return f"--dataset={path}"


def newest(folder):
    """The newest checkpoint of a run."""
    config = read(folder / "config.json")
    data = datasets.load(config["dataset"], check_finite=False)
    data = datasets.hold_out(data, config["validation_fraction"])
    job = recorder.Job(recipes.recipe(config), data, config, folder)
    return checkpoints.restore(folder / "checkpoints", recorder.like(job))


def result(folder):
    """All that a run leaves, but for the time it took."""
    checkpoint, receipt = newest(folder), read(folder / "receipt.json")
    return {
        "config": read(folder / "config.json"),
        "summary": without_seconds(read(folder / "summary.json")),
        "metrics": [without_seconds(line) for line in lines(folder)],
        "parameters": jaxmlp.digest(jaxmlp.load_params(folder / "params.npz")),
        "last state": jaxmlp.digest(checkpoint.tree),
        "last record": json.dumps(checkpoint.record),  # in which NaN equals NaN
        "receipt": {name: receipt[name] for name in ("config", "data", "params_sha256")},
        "pictures": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.glob("plots/*")
        },
    }


def without_seconds(record):
    return {name: value for name, value in record.items() if name != "seconds"}
