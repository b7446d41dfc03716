"""What was trained on what, and what came out, in words and figures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from experiments.app import cautions
from experiments.app.progress import format_metric
from experiments.app.traits import traits
from experiments.data.tables.naming import several
from experiments.report.subject import Subject
from experiments.scores import screen
from jaxmlp.objectives.tasks import metrics_of

__all__ = ["for_target", "of", "origin", "preset", "scores", "short_name"]


def of(subject: Subject) -> dict[str, Any]:
    """The head of a page: its title, what it warns of, and the figures of each set."""
    job, summary = subject.job, subject.summary
    config, data = job.config, job.data
    widths = "-".join(map(str, config["sizes"]))
    return {
        "title": f"{widths} on {short_name(data.name)}{for_target(config)}",
        "notice": job.notice,
        "findings": list(job.findings),
        "verdict": [
            *(f"This run ended {f}: {why}" for f, why in summary.get("verdict", {}).items()),
            *cautions.leaks(job.findings),
        ],
        "what": {
            "data": origin(data.name, data.source),
            "examples": ", ".join(f"{len(y):,} {name}" for name, (_, y) in data.sets().items()),
            "task": config["task"],
            "network": ", ".join([widths, *traits(job.recipe.model).values()]),
            "parameters": f"{summary['num_parameters']:,}",
            "trained": f"{_epochs(summary['num_epochs'])} in batches of {config['batch_size']:,}, "
            f"with {config['optimizer']} at {config['learning_rate']:g}, seed {config['seed']}",
            **preset(config),
        },
        "figures": figures(subject),
        "scores": scores(summary.get("scores"), summary.get("worth"), data.class_names),
    }


def preset(config: Mapping[str, Any]) -> dict[str, str]:
    """The name of the preset that a run began with, for the head of its page; {} without one.

    >>> preset({"preset": "quick"}), preset({})
    ({'preset': 'quick'}, {})
    """
    return {"preset": config["preset"]} if "preset" in config else {}


def _epochs(count: int) -> str:
    return f"{count:,} epoch{'' if count == 1 else 's'}"


def for_target(config: Mapping[str, Any]) -> str:
    """What of a table is learned, for a title; nothing of other data.

    >>> for_target({"table": {"target": ["price"]}}), for_target({})
    (', target price', '')
    """
    target = config.get("table", {}).get("target")
    return f", target {several(target)}" if target else ""


def short_name(name: str) -> str:
    """A data set's name, which is a path where the data are somebody's own.

    >>> short_name("mnist"), short_name("/home/me/rows.npz"), short_name("/data/birds/")
    ('mnist', 'rows.npz', 'birds')
    """
    return PurePath(name).name or name


def origin(name: str, source: str) -> str:
    """Which data they are, and where from; a path is said once.

    >>> origin("mnist", "the files in /data/mnist")
    'mnist, from the files in /data/mnist'
    >>> origin("/home/me/rows.npz", "the file rows.npz")
    'the file rows.npz'
    """
    is_said = short_name(name) != name and short_name(name) in source
    return source if is_said else f"{name}, from {source}"


def figures(subject: Subject) -> dict[str, Any]:
    """A table of each metric (rows) on each set (columns), the judging ones first."""
    loss, *others = metrics_of(subject.job.recipe.task)
    sets = [name for name in ("test", "validation", "train") if name in subject.job.data.sets()]
    return {
        "sets": sets,
        "rows": [
            {
                "name": metric.name.replace("_", " "),
                "values": [
                    format_metric(metric, _number(subject.summary.get(f"{name}_{metric.name}")))
                    for name in sets
                ],
            }
            for metric in (*others, loss)
        ],
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value  # as JSON has it of what is not finite


def scores(
    found: Mapping[str, Mapping[str, Any]] | None,
    worth: Mapping[str, Any] | None = None,
    class_names: Sequence[str] = (),
) -> dict[str, Any] | None:
    """A table of figures (columns) of the network and of each baseline (rows), None without any.

    Args:
      found: of summary.json: name -> figures, of which some have the ends of an interval.
      worth: of summary.json, whether the network was worth it, with what else is said of that.
      class_names: where there are names.

    >>> scores({"network": {"r2": 0.5, "r2_low": 0.25, "r2_high": 0.75}})["rows"]
    [{'name': 'network', 'values': ['0.5000 (0.25 to 0.75)']}]
    """
    if not found:
        return None
    first = next(iter(found.values()))
    names = [name for name, value in first.items() if _is_figure(name, value)]

    def text(figures: Mapping[str, Any], name: str) -> str:
        if (value := figures.get(name)) is None:
            return "–"
        interval = screen.interval(name, figures)
        return screen.text(name, value) + (f" ({interval})" if interval else "")

    rows = [
        {"name": name.replace("_", " "), "values": [text(figures, each) for each in names]}
        for name, figures in found.items()
    ]
    said = [] if worth is None else [*filter(None, [worth.get("text")]), *worth.get("notes", [])]
    said += filter(None, [screen.whose_f1(first, class_names)])
    return {"names": [*map(screen.words, names)], "rows": rows, "said": said}


def _is_figure(name: str, value: Any) -> bool:
    return not name.endswith(("_low", "_high")) and not isinstance(value, Mapping)
