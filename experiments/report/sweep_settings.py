"""What was swept over what, which settings are best and how sure that is, and what failed."""

import math
from typing import Any

import numpy as np

from experiments.app import cautions, points, standings
from experiments.app.progress import format_metric
from experiments.report.facts import for_target, origin, preset, short_name
from experiments.report.facts import scores as scores_of
from experiments.report.subject import SweepSubject
from experiments.scores import ensemble
from jaxmlp.statistics import OBSERVED
from jaxmlp.statistics.settings import FOLD, observed_in

__all__ = ["failed", "head", "name_of", "of", "order_of", "scores", "together"]

MOST = 1000  # settings in the table, and networks that failed


def head(subject: SweepSubject) -> dict[str, Any]:
    """The head of a page: its title, what it warns of, and what was trained."""
    job, summary, runs = subject.job, subject.summary, subject.runs
    count, axes = summary["num_networks"], runs.axes.items()
    networks = f"{count:,} network{'' if count == 1 else 's'}"
    swept = {
        name.replace("_", " "): ", ".join(map(points.value_text, values))
        for name, values in axes
        if name not in OBSERVED
    }
    seeds = {
        f"{name.replace('_', ' ')}s": _range_text(values)
        for name, values in axes
        if name in OBSERVED
    }
    rate, saved = summary["network_epochs_per_second"], 1 - summary["share_of_work"]
    speed = {"speed": f"{rate:.3g} network-epochs a second"} if rate else {}
    return {
        "title": f"{networks} on {short_name(job.data.name)}{for_target(job.config)}",
        "notice": job.notice,
        "findings": list(job.findings),
        "verdict": [
            f"{name_of(row.setting) or 'All'}: {number} of "
            f"{runs.select(**row.setting).stopped_at.size} ended {finding}"
            for row, each in zip(subject.rows, summary["settings"], strict=True)
            for finding, number in each["verdict"].items()
        ][:20]
        + cautions.leaks(job.findings),
        "what": {
            "data": origin(job.data.name, job.data.source),
            "examples": ", ".join(f"{len(y):,} {name}" for name, (_, y) in job.data.sets().items()),
            "task": job.config["task"],
            **swept,
            **seeds,
            **preset(job.config),
            "mode": summary["mode"],
            **speed,
            **({"work saved": f"{100 * saved:.0f} %"} if saved else {}),
        },
    }


def _range_text(values: tuple[Any, ...]) -> str:
    """Seeds as a reader has them: a range from its first to its last.

    >>> _range_text((0, 1, 2, 3)), _range_text((7, 5))
    ('0 to 3', '7, 5')
    """
    is_range = len(values) > 2 and list(values) == list(range(values[0], values[-1] + 1))
    return f"{values[0]} to {values[-1]}" if is_range else ", ".join(map(str, values))


def name_of(setting: Any) -> str:
    """A setting in words; nothing of the only one.

    >>> name_of({"learning_rate": 0.1, "hidden_sizes": (64, 32)})
    'learning rate 0.1, hidden sizes 64x32'
    """
    return ", ".join(f"{n.replace('_', ' ')} {points.value_text(v)}" for n, v in setting.items())


def order_of(subject: SweepSubject) -> list[int]:
    """The settings' places, the best first."""
    best = standings.ranked(subject.runs, subject.job.metric, subject.rows)
    places = {id(row): place for place, row in enumerate(subject.rows)}
    return [places[id(row)] for row in best]


def of(subject: SweepSubject) -> dict[str, Any]:
    """A row for each setting, the best first, and what its columns are."""
    runs, metric, rows = subject.runs, subject.job.metric, subject.rows
    record = runs.metric(metric)
    order = order_of(subject)
    tested = sum(not math.isnan(p) for p in subject.p_values)
    num_seeds = rows[order[0]].num_seeds
    has_folds = observed_in(runs) == FOLD
    can_show = has_folds or standings.least_p_value(tested + 1, num_seeds) < standings.LEVEL
    shows_p = bool(tested) and can_show
    explained = standings.OF_FOLDS if has_folds else standings.explain_p(tested + 1, num_seeds)
    notes = [
        f"Mean, interval (95 %, {'Nadeau and Bengio' if has_folds else 'Student'}'s t) and std are "
        f"over {'folds' if has_folds else 'seeds'}, of the last value that each network measured.",
        explained if tested else "",
        standings.explain_crossed(runs),
        f"The best {MOST:,} of {len(rows):,} settings; table.csv has all." * (len(rows) > MOST),
    ]

    def row_of(rank: int, place: int) -> dict[str, Any]:
        row, p_value = rows[place], subject.p_values[place]
        ends = np.clip((row.low, row.high), 0, 1) if record.is_share else (row.low, row.high)
        epochs = runs.select(**row.setting).stopped_at
        low, high = (format_metric(record, float(end)) for end in ends)
        return {
            "rank": rank,
            "setting": [
                {"text": points.value_text(value), "value": _number(value)}
                for value in row.setting.values()
            ],
            "mean": _cell(row.mean, format_metric(record, row.mean)),
            "interval": _cell(
                row.low, "" if math.isnan(row.low) else f"{low.removesuffix(' %')} to {high}"
            ),
            "std": _cell(row.std, format_metric(record, row.std)),
            "p": _cell(p_value, "" if math.isnan(p_value) else f"{p_value:.2g}"),
            "epochs": _cell(float(epochs.mean()), f"{epochs.mean():g}"),
            "networks": _cell(float(epochs.size), f"{epochs.size:,}"),
            "failed": _cell(float(row.num_failed), f"{row.num_failed:,}"),
        }

    return {
        "metric": metric.replace("_", " "),
        "axes": [name.replace("_", " ") for name in rows[0].setting],
        "shows_p": shows_p,
        "notes": [note for note in notes if note],
        "rows": [row_of(rank, place) for rank, place in enumerate(order[:MOST], 1)],
    }


def scores(subject: SweepSubject) -> dict[str, Any] | None:
    """The best setting's figures beside the baselines', and over what they are; None of none."""
    worth = subject.summary.get("worth", {})
    scored = subject.summary.get("scores")
    found = scores_of(scored, worth, subject.job.data.class_names)
    return found and {**found, "over": worth.get("over", "on the test set")}


def together(subject: SweepSubject) -> dict[str, Any] | None:
    """What the best setting's networks say together, beside one of them; None of one alone."""
    found = subject.summary.get("ensemble")
    if not found:
        return None
    return {
        "names": ensemble.HEADS[1:],
        "rows": [{"name": name, "values": values} for name, *values in ensemble.rows(found)],
        "said": ensemble.said(found),
    }


def _cell(value: float, text: str) -> dict[str, Any]:
    return {"text": text, "value": None if math.isnan(value) else value}


def _number(value: Any) -> float | None:
    """What a value is sorted by: a number, if it is one."""
    return float(value) if isinstance(value, int | float) else None


def failed(subject: SweepSubject) -> dict[str, Any] | None:
    """The networks that ended at a number that is not finite, and where; None of none."""
    runs = subject.runs
    if not runs.faults:
        return None
    rows = [
        {
            "member": points.as_text(
                {name: values[i] for (name, values), i in zip(runs.axes.items(), at, strict=True)}
            ),
            "where": str(fault),
        }
        for at, fault in list(runs.faults.items())[:MOST]
    ]
    return {"rows": rows, "num_failed": len(runs.faults)}
