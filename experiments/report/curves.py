"""The learning curves of a run: what there is to draw of its history."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.app import cautions
from experiments.app.traits import with_what
from experiments.report.subject import Subject
from jaxmlp.objectives.records import Metric, of_column
from jaxmlp.objectives.tasks import metrics_of

__all__ = ["of", "panels"]

SETS = ("train", "validation", "test")


def of(subject: Subject) -> dict[str, Any] | None:
    """The panels, and what is to be said of them; None where no epoch has ended."""
    if not subject.lines:
        return None
    what = with_what(subject.job.recipe.model)
    own, without = (f", with {what}", ", without") if what else ("", "")
    risen = cautions.of_run(subject.job, [line.get("test_loss") for line in subject.lines])
    return {
        "panels": panels(subject.lines, metrics_of(subject.job.recipe.task)),
        "note": f"train: mean over the epoch, before each update{own}; the others: after the epoch"
        f"{without}" + (f"; {risen}" if risen else ""),
    }


def panels(lines: Sequence[Mapping[str, Any]], metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """The loss, each metric, and the learning rate if it changes.

    Args:
      lines: of metrics.jsonl; null, NaN and a missing value are all none.
      metrics: as `metrics_of` has them.

    >>> panels([{"epoch": 1, "train_loss": 0.5}, {"epoch": 2, "train_loss": 0.25}], ())
    [{'name': 'loss', 'is_share': False, 'series': [{'name': 'train', 'values': [0.5, 0.25]}]}]
    """
    keys = list(dict.fromkeys(key for line in lines for key in line))
    columns = {key: [line.get(key) for line in lines] for key in keys}
    names = {name for kind, _, name in (key.partition("_") for key in keys) if kind in SETS}
    made = [
        {
            "name": name.replace("_", " "),
            "is_share": of_column(name, metrics).is_share,
            "series": [
                {"name": kind, "values": columns[f"{kind}_{name}"]}
                for kind in SETS
                if f"{kind}_{name}" in columns
            ],
        }
        for name in sorted(names, key=lambda name: (name != "loss", name))
    ]
    rates = columns.get("learning_rate", [])
    if len(set(rates) - {None}) > 1:
        series = [{"name": "learning rate", "values": rates}]
        made.append({"name": "learning rate", "is_share": False, "series": series})
    return made
