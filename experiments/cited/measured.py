"""What is on record of a command that has been run: a small file, committed beside the page."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import jaxmlp
from experiments.app import answers, points, voters
from experiments.app.voters import Voters
from experiments.cited import asked
from experiments.cited.catalogue import Command
from experiments.cited.commands import line
from experiments.cited.evidence import was_run
from experiments.folder import arrays, records, schema
from experiments.folder.files import as_written, write_text
from experiments.scores import ensemble
from jaxmlp.runtime import receipt
from jaxmlp.types import Dataset

__all__ = ["left_out", "make", "odd", "path_of", "read", "write"]

NO_DATA = "its data were not to be had where the others were run"
EDGE = 5e-4  # of the test examples
RECORD = schema.Fields({"id": schema.TEXT, "command": schema.TEXT})


def make(command: Command, folder: Path, data: Dataset) -> dict[str, Any]:
    """The record of a command, from the folder that it has filled.

    Each network is asked again: it has to be the one of which the sweep keeps the digest, and to
    answer as many test examples wrongly as the sweep says.

    Args:
      command: of the catalogue.
      folder: of the finished sweep.
      data: what it was trained on.

    Raises:
      ValueError: if the folder is not whole, or contradicts itself.
    """
    config = records.read_config(folder / "config.json")
    if data.sha256 != config["data_sha256"]:
        raise ValueError(f"{folder} needs data {config['data_sha256']}, got {data.sha256}")
    axes = points.axes(config)
    if list(axes) != ["seed"]:
        raise ValueError(f"{folder} needs a sweep over seeds alone, got axes {', '.join(axes)}")
    kept = arrays.read_runs(folder / "runs.npz", axes)
    loaded = voters.load(folder)
    _check_networks(folder, axes["seed"], kept["params_sha256"], loaded)
    inputs, labels = data.sets()["test"]
    outputs = [answers.predict(each.recipe, each.params, inputs) for each in loaded.each]
    wrong = [np.flatnonzero(each.argmax(axis=1) != labels) for each in outputs]
    errors = [len(each) for each in wrong]
    made = _receipt(folder, kept["params_sha256"].tolist())
    is_same = (config["precision"], made["environment"]["platform"]) == ("float32", "cpu")
    _check_errors(folder, _errors_of(kept, len(labels)), errors, is_same, len(labels))
    return {
        "id": command.id,
        "command": line(command.flags),
        "dataset": config["dataset"],
        "data_sha256": config["data_sha256"],
        "settings": asked.decisive(command.flags),
        "sizes": config["sizes"],
        "num_epochs": config["num_epochs"],
        "num_test": len(labels),
        "seeds": [int(seed) for seed in axes["seed"]],
        "errors": errors,
        "wrong": [each.tolist() for each in wrong],
        **({"together": _together(data, outputs)} if command.is_ensemble else {}),
        **made,
    }


def _check_networks(
    folder: Path, seeds: Sequence[str], digests: np.ndarray, loaded: Voters
) -> None:
    """Raises ValueError unless the networks that are kept are those that were trained."""
    found = {each.name: jaxmlp.digest(each.params) for each in loaded.each}
    for seed, digest in zip(seeds, digests, strict=True):
        if (got := found.get(f"seed={seed}", "none")) != digest:
            raise ValueError(f"{folder} needs a network {digest} of seed {seed}, got {got}")


def _errors_of(kept: Mapping[str, np.ndarray], num_test: int) -> list[int]:
    """How many test examples each network got wrong at its end, as the sweep says."""
    column = kept["history/test_accuracy"]
    last = column[np.arange(len(column)), kept["stopped_at"] - 1].astype(np.float64)
    return np.rint((1 - last) * num_test).astype(int).tolist()


def _check_errors(
    folder: Path, expected: Sequence[int], found: Sequence[int], is_same: bool, num_test: int
) -> None:
    """Raises ValueError unless each network makes the errors that it made when it was trained.

    Other devices round otherwise than the CPU that asks here, and so do programs that are not the
    same in fewer bits than float32's: an example on the edge may be answered otherwise.
    """
    most = 0 if is_same else math.ceil(EDGE * num_test)
    if any(abs(a - b) > most for a, b in zip(expected, found, strict=True)):
        raise ValueError(f"{folder} needs networks with errors {expected}, got {list(found)}")


def _together(data: Dataset, outputs: Sequence[np.ndarray]) -> dict[str, Any]:
    """What networks say together, the mean of their probabilities, beside what one says.

    Returns:
      "wrong", the examples that they get wrong together; "confidence", the mean probability of
      what is answered, of "one" on the average and of "all"; "scores", as `ensemble.of` has them.
    """
    mean = np.mean(np.asarray(outputs, np.float64), axis=0)
    sure = {"one": np.max(outputs, axis=2), "all": mean.max(axis=1)}
    return {
        "wrong": np.flatnonzero(mean.argmax(axis=1) != data.test_labels).tolist(),
        "confidence": {who: float(f"{each.mean():.6g}") for who, each in sure.items()},
        "scores": ensemble.of("classification", np.asarray(data.test_labels), outputs),
    }


def _receipt(folder: Path, digests: list[str]) -> dict[str, Any]:
    """What it takes to find the same bits again, and how long it took."""
    made = schema.read(folder / "environment.json", records.ENVIRONMENT)
    summary = schema.read(folder / "summary.json", schema.Fields({}))
    lines = schema.read_lines(folder / "metrics.jsonl", records.LINE)
    names = ("versions", "python", "processor", "num_cores", "threads", "platform", "git_commit")
    return {
        "params_sha256": digests,
        "all_params_sha256": summary["params_sha256"],
        "train_seconds": round(sum(each["seconds"] for each in lines), 1),
        "environment": {name: made.get(name) for name in names},
    }


def left_out(command: Command) -> dict[str, Any]:
    """The record of a command that could not be run here."""
    return {"id": command.id, "command": line(command.flags), "left_out": NO_DATA}


def path_of(folder: Path, name: str) -> Path:
    """Where a record lies among the others."""
    return folder / f"{name}.json"


def write(folder: Path, record: Mapping[str, Any]) -> Path:
    """Writes a record, a field a line, whole or not at all; its path."""
    fields = (f" {json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())
    path = path_of(folder, record["id"])
    folder.mkdir(parents=True, exist_ok=True)
    write_text(path, "{\n" + ",\n".join(fields) + "\n}\n")
    return path


def read(folder: Path, name: str) -> dict[str, Any] | None:
    """The record of a command, by its id; None where it has none."""
    path = path_of(folder, name)
    return schema.read(path, RECORD) if path.exists() else None


def odd(command: Command, record: Mapping[str, Any]) -> str:
    """What a record has that is not of the command as it is now; "" where nothing is."""
    expected: dict[str, Any] = {"command": line(command.flags)}
    got = {"command": record["command"]}
    if was_run(record):
        expected |= {"settings": as_written(asked.decisive(command.flags))}
        got |= {"settings": record["settings"]}
    return "; ".join(receipt.differences(expected, got))
