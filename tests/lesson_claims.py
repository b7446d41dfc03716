"""What tests of lessons ask of an outcome."""

import io
from typing import Any

import matplotlib
import pytest

from experiments.lessons.lesson import Outcome
from experiments.plots.style import STYLE


def held(outcome: Outcome) -> list[bool]:
    """Which of a lesson's claims held; and that all of the outcome can be written and drawn."""
    assert outcome.claims
    assert outcome.tables
    assert all(len(row) == len(t.columns) for t in outcome.tables.values() for row in t.rows)
    with matplotlib.rc_context(STYLE):
        outcome.picture.savefig(io.BytesIO(), format="png")
    return [bool(claim.held) for claim in outcome.claims]


def taught(lesson: Any, **settings: Any) -> tuple[Outcome, list[Any]]:
    """A lesson's outcome, and the arguments that its `judge` was given to make it."""
    given: list[Any] = []
    judge = lesson.judge

    def once(*arguments: Any) -> Outcome:
        given[:] = arguments
        return judge(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson, "judge", once)
        return lesson.teach(**settings), given
