"""Folders of runs: what they hold, and what two runs with the same bits have alike."""

import contextlib
import hashlib
import json
import struct

import numpy as np
import pytest

import jaxmlp
from experiments.app import recipes, solo
from experiments.app.job import Job
from experiments.data import sources
from jaxmlp.storage import checkpoint


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
    data = sources.load(config["dataset"], check_finite=False)
    data = sources.hold_out(data, config["validation_fraction"])
    job = Job(recipes.recipe(config), data, config, folder)
    return checkpoint.restore(folder / "checkpoints", solo.like(job))


def result(folder):
    """All that a run leaves, but for the time it took."""
    last, receipt = newest(folder), read(folder / "receipt.json")
    record = {**last.record, "lines": [without_seconds(line) for line in last.record["lines"]]}
    return {
        "config": read(folder / "config.json"),
        "summary": without_seconds(read(folder / "summary.json")),
        "metrics": [without_seconds(line) for line in lines(folder)],
        "parameters": jaxmlp.digest(jaxmlp.load_params(folder / "params.npz")),
        "last state": jaxmlp.digest(last.tree),
        "last record": json.dumps(record),  # in which NaN equals NaN
        "receipt": {name: receipt[name] for name in ("config", "data", "params_sha256")},
        "pictures": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.glob("plots/*")
        },
    }


def without_seconds(record):
    return {name: value for name, value in record.items() if name != "seconds"}


@contextlib.contextmanager
def compiled_once():
    """In this process, equal configs make the same recipe, so that it is compiled once."""
    make, made = recipes.recipe, {}

    def recipe(config):
        names = ("dataset", "data_dir", "data_sha256", "seed", "patience", "target", "threads")
        names += ("outputs",)
        key = json.dumps({name: config[name] for name in sorted(config) if name not in names})
        return made.setdefault(key, make(config))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "recipe", recipe)
        yield


def files(folder):
    """The contents of all files, by their names."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def scalars(folder):
    """What TensorBoard finds: (name, epoch, value), from the records of its file."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.iterdir()
    content, found = file.read_bytes(), []
    while content:
        (length,) = struct.unpack("Q", content[:8])
        event = Event.FromString(content[12 : 12 + length])
        found += [(value.tag, event.step, value.simple_value) for value in event.summary.value]
        content = content[12 + length + 4 :]
    return found
