"""A sweep's scores: its best setting's figures on the rows that test it, beside the baselines'."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from rich.console import Console

from experiments.app import points, report, scoring, standings
from experiments.app.job import Job
from experiments.scores import ensemble, several
from experiments.scores.baselines import Baselines
from experiments.scores.several import Part
from jaxmlp import statistics
from jaxmlp.populations.gathering import gather
from jaxmlp.populations.runs import Runs
from jaxmlp.statistics import Summary
from jaxmlp.statistics.settings import FOLD, SEEDS, observed_in
from jaxmlp.types import PyTree, trained

__all__ = ["best_of", "is_asked", "of_sweep"]

MOST_NETWORKS = 200  # that are asked: of more the first seeds of each fold
MOST_TOGETHER = 64  # that are asked where nothing is known of them but what they say together
MOST_SENT = 2**24  # weights of networks that processes send each other, with all their states
MOST_NUMBERS = 50_000_000  # of their answers
MOST_FOLDS = 20  # that baselines are fitted for: each learner takes its time to start
ELSEWHERE = "no scores: other processes have some of the best setting's networks"
OVER_SEEDS = "the interval is over seeds, on these test rows: it knows nothing of other rows"
MANY = f"no baselines: of more than {MOST_FOLDS} folds they take minutes"
DIVERGED_SOME = "networks that diverged are left out"
DIVERGED = "no scores: the best setting has none of finite numbers for all rows"


def is_asked(job: Job) -> bool:
    """Whether a sweep has scores: where baselines are asked for, and of a table."""
    is_wanted = scoring.with_baselines(job) or "table" in job.config
    return bool(is_wanted) and scoring.is_asked(job)


def best_of(job: Job, runs: Runs) -> Runs:
    """The best setting's networks, with the states that `of_sweep` asks; all processes call this.

    Those that other processes trained are fetched where they are few enough to be sent.

    Args:
      job: the sweep.
      runs: its results.
    """
    rows = statistics.summarize(runs, job.metric, interval="t")
    best = standings.ranked(runs, job.metric, rows)[0].setting
    chosen = runs.select(**best)
    ends = job.config["sizes"][0], job.config["sizes"][-1]
    widths = [ends[0], *best.get("hidden_sizes", job.config["hidden_sizes"]), ends[1]]
    count = chosen.stopped_at.size * sum(map(math.prod, itertools.pairwise(widths)))
    is_asked_of = chosen.homes is not None and _has_record(job, chosen)
    return gather(chosen) if is_asked_of and count <= MOST_SENT else chosen


def _has_record(job: Job, chosen: Runs) -> bool:
    """Whether anything is asked of the best setting's networks."""
    return is_asked(job) or (scoring.is_asked(job) and _are_several(chosen))


def of_sweep(
    console: Console, job: Job, runs: Runs, rows: Sequence[Summary], chosen: Runs | None = None
) -> dict[str, Any]:
    """What summary.json says of how good the best setting's networks are.

    Args:
      console: where what takes a while is said.
      job: the sweep.
      runs: its results, with the networks.
      rows: its settings, by the job's metric.
      chosen: what `best_of` returns, where several processes have the networks.

    Returns:
      "ensemble", of what the networks of several seeds say together (see `ensemble.of`, with
      "notes"); and where scores are asked for "scores", of the network (the mean over the networks
      of each fold, then over the folds), of the ensemble of all seeds, and of each baseline; and
      "worth": whether it was worth it, over what the means are, and notes.
    """
    best = standings.ranked(runs, job.metric, rows)[0]
    chosen = runs.select(**best.setting) if chosen is None else chosen
    if not _has_record(job, chosen):
        return {}
    if not chosen.is_here.all():
        return {"worth": {"notes": [ELSEWHERE]}} if is_asked(job) else {}
    if len(job.folds) <= MOST_FOLDS:
        scoring.announce(console, job)
    jobs = _jobs(job, best)
    mine = [chosen.select(**{FOLD: i}) for i in range(len(jobs))] if job.folds else [chosen]
    notes = _on_choice(job, best, len(rows))
    of_baselines: list[str] = []
    parts = [
        _part(each, runs, len(jobs), notes, of_baselines)
        for each, runs in zip(jobs, mine, strict=True)
    ]
    if not all(part.networks for part in parts):
        return {"worth": {"notes": [DIVERGED]}} if is_asked(job) else {}
    together = _together(job, parts, notes)
    if not is_asked(job):
        return together
    over = _over(parts, observed_in(chosen), bool(job.folds))
    return {**_scored(job, parts, over, notes + of_baselines), **together}


def _are_several(runs: Runs) -> bool:
    """Whether there are several networks that could have answered each row."""
    return any(len(runs.axes.get(name, ())) > 1 for name in SEEDS)


def _scored(job: Job, parts: Sequence[Part], over: str, notes: Sequence[str]) -> dict[str, Any]:
    """The scores of the networks and of the baselines that all parts have, and the verdict."""
    names = set.intersection(*(set(part.baselines) for part in parts))
    parts = [
        part._replace(baselines={n: a for n, a in part.baselines.items() if n in names})
        for part in parts
    ]
    task, are_folds = job.config["task"], bool(job.folds)
    found = several.scores(task, parts, are_folds, scoring.names_of(job))
    verdict = several.verdict(task, parts, are_folds) if names else {}
    is_of_seeds = not are_folds and sum(map(len, parts[0].networks)) > 1
    said = [*notes, OVER_SEEDS] if is_of_seeds else notes
    worth = {**verdict, "over": over, "notes": list(dict.fromkeys(said))}
    return {"scores": found, "worth": worth}


def _together(job: Job, parts: Sequence[Part], notes: Sequence[str]) -> dict[str, Any]:
    """The record of what the networks say together; {} of one alone.

    Of folds the first network of each answers all rows together, and so on with the others.
    """
    of_each = [[outputs for seed in part.networks for outputs in seed] for part in parts]
    count = min(map(len, of_each))
    if count < 2:
        return {}
    labels = np.concatenate([part.labels for part in parts])
    answers = [np.concatenate(each) for each in zip(*(own[:count] for own in of_each), strict=True)]
    found = ensemble.of(job.config["task"], labels, answers)
    return {"ensemble": {**found, "notes": list(dict.fromkeys(notes))}}


def _jobs(job: Job, best: Summary) -> list[Job]:
    """The best setting's recipe on each fold, by the fold's own figures, or on the test set."""
    found, scalings = [], job.config.get("fold_scalings", [])
    weights = job.config.get("fold_class_weights", [])
    for number, data in enumerate(job.folds or [job.data]):
        own = scalings[number] if scalings else {}
        own |= {"class_weights": weights[number]} if weights else {}
        recipe = points.recipe_at(data, points.given(job.config), points.setting_of(best.setting))
        found.append(job._replace(recipe=recipe, data=data, config={**job.config, **own}))
    return found


def _part(job: Job, runs: Runs, num_parts: int, notes: list[str], of_baselines: list[str]) -> Part:
    """Who answered what on a fold, or on the test set; adds to the notes what was left out."""
    data, networks, num_asked = job.data, [], 0
    labels = np.asarray(data.test_labels)
    most = MOST_NETWORKS if is_asked(job) else MOST_TOGETHER
    most = min(most // num_parts, MOST_NUMBERS // (labels.size * job.config["sizes"][-1]))
    for group in _cut(runs, max(1, most)):
        params = [runs.member(**member).params for member in group]
        whole = [each for each in params if _is_finite(each)]
        num_asked += len(params)
        if len(whole) < len(params):
            notes.append(DIVERGED_SOME)
        if whole:
            networks.append([report.answers(job, each) for each in whole])
    if num_asked < runs.stopped_at.size:
        notes.append(f"scores are of {num_asked:,} of the {runs.stopped_at.size:,} networks")
    found = scoring.fitted(job, num_parts) if num_parts <= MOST_FOLDS else Baselines({}, [MANY])
    of_baselines += found.notes
    return Part(labels, len(data.train_inputs), networks, found.outputs)


def _cut(runs: Runs, most: int) -> Iterator[list[dict[str, Any]]]:
    """The members of each seed, so many of the first in all."""
    name = observed_in(runs)
    values = [{}] if name is None else [{name: value} for value in runs.axes[name][:most]]
    for value in values:
        axes = {n: [value[n]] if n in value else v for n, v in runs.axes.items()}
        members = (dict(zip(axes, each, strict=True)) for each in itertools.product(*axes.values()))
        yield list(itertools.islice(members, most // len(values)))


def _is_finite(params: PyTree) -> bool:
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(trained(params)))


def _on_choice(job: Job, best: Summary, num_settings: int) -> list[str]:
    """How the best setting was found, where there are several: its figures flatter it."""
    if num_settings == 1:
        return []
    metric = job.metric.replace("_", " ")
    return [
        f"{points.as_text(best.setting)} is the best of {num_settings:,} settings by the {metric} "
        "of these very rows: new rows are likely to be answered a little worse"
    ]


def _over(parts: Sequence[Part], observed: str | None, are_folds: bool) -> str:
    """What the figures are of, and means over.

    >>> answers = [[np.zeros((1, 1))]] * 8
    >>> _over([Part(np.zeros(1), 4, answers, {})], "seed", False)
    'on the test set, means over 8 seeds'
    >>> _over([Part(np.zeros(1), 4, answers, {})] * 5, "fold", True)
    'on the rows that each fold tests, means over 5 folds of 8 networks each'
    """
    counts = sorted({sum(map(len, part.networks)) for part in parts})
    if are_folds:
        many = " to ".join(map(str, dict.fromkeys([counts[0], counts[-1]])))
        each = f" of {many} networks each" if counts[-1] > 1 else ""
        return f"on the rows that each fold tests, means over {len(parts)} folds{each}"
    if counts == [1]:
        return "on the test set"
    num_seeds, kind = len(parts[0].networks), (observed or "seed").replace("_", " ")
    of_each = f", of {counts[0]} networks" if counts[0] > num_seeds else ""
    return f"on the test set, means over {num_seeds} {kind}s{of_each}"
