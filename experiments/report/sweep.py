"""The page of a sweep: which sections it has, and what each is drawn from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.report import page, sweep_charts, sweep_receipt, sweep_settings, vote
from experiments.report.run import NAME
from experiments.report.subject import SweepSubject

__all__ = ["SECTIONS", "data_of", "write"]

# Key of the page's JSON -> what the scripts find there; None where a sweep has no such thing.
SECTIONS: dict[str, Callable[[SweepSubject], dict[str, Any] | None]] = {
    "run": sweep_settings.head,
    "network": vote.of,
    "settings": sweep_settings.of,
    "scores": sweep_settings.scores,
    "ensemble": sweep_settings.together,
    "bands": sweep_charts.curves,
    "axes": sweep_charts.axes,
    "seeds": sweep_charts.seeds,
    "failed": sweep_settings.failed,
    "receipt": sweep_receipt.of,
}


def data_of(subject: SweepSubject) -> dict[str, Any]:
    """All that the page of a sweep is drawn from, by section; those that it lacks are left out."""
    made = {name: of(subject) for name, of in SECTIONS.items()}
    return {name: part for name, part in made.items() if part is not None}


def write(subject: SweepSubject, path: Path | None = None) -> Path:
    """Writes report.html into the sweep's folder, or elsewhere, whole or not at all."""
    path = path or subject.job.path / NAME
    page.write(path, "sweep.html", data_of(subject))
    return path
