"""The page of a run: which sections it has, and what each is drawn from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.report import confusion, curves, examples, facts, layer, receipt, trial, values
from experiments.report.subject import Subject

__all__ = ["NAME", "SECTIONS", "data_of", "write"]

NAME = "report.html"

# Key of the page's JSON -> what the scripts find there; None where a run has no such thing.
SECTIONS: dict[str, Callable[[Subject], dict[str, Any] | None]] = {
    "run": facts.of,
    "network": trial.of,
    "curves": curves.of,
    "confusion": confusion.of,
    "questions": confusion.of_questions,
    "examples": examples.of,
    "values": values.of,
    "first_layer": layer.of,
    "receipt": receipt.of,
}


def data_of(subject: Subject) -> dict[str, Any]:
    """All that the page of a run is drawn from, by section; those that it lacks are left out."""
    made = {name: of(subject) for name, of in SECTIONS.items()}
    return {name: part for name, part in made.items() if part is not None}


def write(subject: Subject, path: Path | None = None) -> Path:
    """Writes report.html into the run's folder, or elsewhere, whole or not at all."""
    from experiments.report import page  # which takes a while to import

    path = path or subject.job.path / NAME
    page.write(path, "run.html", data_of(subject))
    return path
