"""A section of docs/results.md: what each step of the ablation brings, and what of it is luck."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.app.presets import PRESETS, as_flags
from experiments.cited import evidence, words
from experiments.cited.catalogue import INSTEAD, WHOLE, Command
from experiments.cited.commands import line
from experiments.cited.words import table

__all__ = ["section"]

INTRODUCTION = f"""\
Each setting is the one before and some flags more, trained with the same seeds. What it has over
the one before is the mean of the paired differences, seed by seed, in percentage points, with
Student's 95 % interval: where 0 is in that, it may be luck. An image decides between two networks
of the same seed where one is right and the other wrong; of these the mean and the range over seeds
are given. All have `{as_flags(INSTEAD)}` in the place of what the preset `{WHOLE}` has.

What a step brings depends on what was added before it: in another order the shares are others.
Nor need they be those of the preset's own {PRESETS[WHOLE]["num_epochs"]} epochs."""


def section(steps: Sequence[Command], records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Its lines.

    Args:
      steps: the commands, each a step from the one before.
      records: of those that have been run, by their ids.
    """
    run = [each for each in steps if evidence.was_run(records.get(each.id))]
    rows = [_row(steps, position, records) for position in range(len(steps))]
    head = ["setting", "flags more", "mean test accuracy", "95 % interval", "errors of each seed"]
    head += ["over the one before", "may be luck", "images that decide"]
    lines = ["## What each step brings", "", INTRODUCTION, "", *table(head, rows)]
    lines += ["", f"The first is `{line(steps[0].flags)}`."]
    return [*lines, "", *_best_two(run, records)] if len(run) > 1 else lines


def _more(steps: Sequence[Command], position: int) -> str:
    """The flags that a step adds to those of the one before."""
    known = steps[position - 1].flags if position else steps[position].flags
    more = " ".join(flag for flag in steps[position].flags if flag not in known)
    return f"`{more}`" if more else ""


def _row(
    steps: Sequence[Command], position: int, records: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    step, record = steps[position], records.get(steps[position].id)
    row = [step.row, _more(steps, position)]
    if record is None or not evidence.was_run(record):
        return [*row, words.why(record), "", "", "", "", ""]
    found = evidence.summary(record)
    errors = ", ".join(map(str, record["errors"]))
    row += [words.mean(found), words.interval(found), errors]
    before = records.get(steps[position - 1].id) if position else None
    if before is None or not evidence.was_run(before):
        return [*row, "", "", ""]
    gain = evidence.compare(record, before)
    images = words.spread(evidence.deciding(record, before).counts)
    return [*row, words.difference(gain), "yes" if evidence.is_luck(gain) else "no", images]


def _best_two(run: Sequence[Command], records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """How many test images decide between the best two settings, and whether it is luck."""
    first, second = evidence.best_two([records[each.id] for each in run])
    best, other = run[first], run[second]
    gain = evidence.compare(records[best.id], records[other.id])
    found = evidence.deciding(records[best.id], records[other.id])
    sure = sum(p_value < evidence.LEVEL for p_value in found.p_values)
    verdict = (
        "the interval has 0 in it: seeds cannot tell the two apart"
        if evidence.is_luck(gain)
        else "the interval has no 0 in it: it is more than the luck of seeds"
    )
    count, num_test = gain.num_seeds, records[best.id]["num_test"]
    all_of, mine, theirs = map(words.spread, (found.counts, found.first, found.second))
    return [
        f"The best two are **{best.row}** and **{other.row}**. Of {num_test:,} test images, "
        f"{all_of} decide between two networks of the same seed: the first alone is right at "
        f"{mine}, the second alone at {theirs}. By McNemar's test the images of {sure} of {count} "
        f"seeds tell the two apart at p < {evidence.LEVEL}. Over seeds, the first has "
        f"{words.difference(gain)} percentage points over the second: {verdict}."
    ]
