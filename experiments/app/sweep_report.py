"""What a sweep leaves when it ends: its networks' record, its settings' table, its pictures."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import jaxmlp
from experiments.app import points
from experiments.app.job import Job
from experiments.folder.files import write_csv
from jaxmlp.populations.gathering import merged
from jaxmlp.statistics import Summary
from jaxmlp.statistics.settings import FOLD, observed_in
from jaxmlp.storage.atomic import whole_file

NAME = 200  # characters; file systems take 255, of which some are for a scratch file's


def members(runs: jaxmlp.Runs) -> list[dict[str, Any]]:
    """Every member's values along the axes."""
    names = list(runs.axes)
    positions = np.ndindex(*runs.shape)
    return [
        {name: runs.axes[name][i] for name, i in zip(names, position, strict=True)}
        for position in positions
    ]


def digests_of(runs: jaxmlp.Runs) -> list[str]:
    """A digest of each member's parameters; of several processes all need to ask for them."""
    digests = np.full(runs.shape, "", "S64")
    for setting, position in _members_here(runs):
        digests[position] = jaxmlp.digest(runs.member(**setting).params)
    return [digest.decode() for digest in merged(runs, digests).flat]


def _members_here(runs: jaxmlp.Runs) -> Iterator[tuple[dict[str, Any], tuple[int, ...]]]:
    """The values and the positions of the members whose states this process has."""
    pairs = zip(members(runs), np.ndindex(*runs.shape), strict=True)
    return ((setting, position) for setting, position in pairs if runs.is_here[position])


def write_networks(folder: Path, runs: jaxmlp.Runs) -> None:
    """Writes the parameters of each member that is here, by its setting."""
    folder.mkdir(parents=True, exist_ok=True)
    for setting, _ in _members_here(runs):
        path = folder / f"{file_name(points.as_text(setting))}.npz"
        jaxmlp.save_params(path, runs.member(**setting).params)


def file_name(text: str) -> str:
    """A text, cut where a file's name could not hold it, with a digest of all of it then.

    >>> file_name("learning_rate=0.1,seed=7")
    'learning_rate=0.1,seed=7'
    >>> len(file_name("learning_rate=0.1," * 20))
    200
    """
    if len(text) <= NAME:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"{text[: NAME - 1 - len(digest)]}-{digest}"


def lines_of(job: Job, runs: jaxmlp.Runs, own: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl of all members, from the results of all processes.

    Args:
      job: the sweep.
      runs: its results.
      own: the lines of the members that this process has trained, by the epochs that these took.
    """
    made = []
    for epoch in range(1, int(runs.stopped_at.max()) + 1):
        columns = {name: values[..., epoch - 1] for name, values in runs.history.items()}
        means = {
            name: float(np.nanmean(values, dtype=np.float64))
            for name, values in columns.items()
            if not np.isnan(values).all()
        }
        line = {"epoch": epoch, "num_live": int((runs.stopped_at > epoch).sum()), **means}
        if epoch <= len(own):
            line["seconds"] = own[epoch - 1]["seconds"]
        made.append(job.marked(line))
    return made


def arrays_of(runs: jaxmlp.Runs, digests: list[str]) -> dict[str, np.ndarray]:
    """What runs.npz has of the members: their history, their ends, and digests of parameters."""
    fault_steps = np.full(runs.shape, -1)  # the updates done before it, -1 for no fault
    for position, fault in runs.faults.items():
        fault_steps[position] = fault.step
    return {
        **{f"history/{name}": values for name, values in runs.history.items()},
        "stopped_at": runs.stopped_at,
        "fault_step": fault_steps,
        "params_sha256": np.array(digests).reshape(runs.shape),
    }


def write_runs(path: Path, runs: jaxmlp.Runs, digests: list[str]) -> None:
    """Writes what there is of the members, and their places along the axes, as an .npz file."""
    axes = {
        f"axes/{name}": np.array([points.value_text(value) for value in values])
        for name, values in runs.axes.items()
    }
    arrays = axes | arrays_of(runs, digests)
    with whole_file(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def write_table(
    path: Path, metric: str, runs: jaxmlp.Runs, rows: list[Summary], p_values: list[float]
) -> None:
    """Writes a line for each setting."""
    figures = ["num_seeds", "num_failed", "mean", "std", "low", "high"]
    names = ["num_folds" if observed_in(runs) == FOLD else "num_seeds", *figures[1:]]
    lines: list[list[Any]] = [[*rows[0].setting, "metric", "epochs", *names, "p_against_best"]]
    for row, p_value in zip(rows, p_values, strict=True):
        epochs = runs.select(**row.setting).stopped_at.mean()
        values = [points.value_text(value) for value in row.setting.values()]
        numbers = [getattr(row, name) for name in figures]
        lines.append([*values, metric, f"{epochs:g}", *numbers, p_value])
    write_csv(path, lines)


def settings(
    rows: Sequence[Summary], p_values: Sequence[float], verdicts: Sequence[Mapping[str, int]]
) -> list[dict[str, Any]]:
    """What summary.json says of each setting."""
    return [
        {
            **row._asdict(),
            "setting": {name: points.value_text(value) for name, value in row.setting.items()},
            "p_against_best": p_value,
            "verdict": verdict,
        }
        for row, p_value, verdict in zip(rows, p_values, verdicts, strict=True)
    ]


def digest_of_all(digests: Sequence[str]) -> str:
    """One digest, of each member's."""
    return jaxmlp.digest(tuple(np.frombuffer(bytes.fromhex(d), np.uint8) for d in digests))


def draw(folder: Path, runs: jaxmlp.Runs, metric: str) -> None:
    """The pictures of a sweep."""
    from experiments.plots import population as plots

    folder.mkdir(exist_ok=True)
    for picture in (plots.learning_curves, plots.against_axes, plots.over_seeds):
        picture(runs, metric, folder / f"{picture.__name__}.png")
