"""What docs/results.md says of the commands of one data set, and where their figures were made."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.app.presets import PRESETS, as_flags
from experiments.cited import evidence, words
from experiments.cited.catalogue import PUBLISHED, Command
from experiments.cited.commands import given_of, line
from experiments.cited.words import NOT_RUN, table
from experiments.scores.classes import wilson

__all__ = ["means", "published", "receipts", "seeds", "together", "together_of"]

Records = Mapping[str, Mapping[str, Any]]


def means(commands: Sequence[Command], records: Records) -> list[str]:
    """A row for each command: its mean over seeds and what belongs to it; and what each is for."""
    head = ["what", "command", "seeds", "mean test accuracy", "95 % interval", "worst", "best"]
    rows = []
    for each in commands:
        row = [each.row, f"`{line(each.flags)}`"]
        if not evidence.was_run(records.get(each.id)):
            rows.append([*row, "", words.why(records.get(each.id)), "", "", "", ""])
            continue
        record = records[each.id]
        found = evidence.summary(record)
        ends = words.between(record)
        seconds = words.duration(record["train_seconds"] / len(record["seeds"]))
        figures = [str(found.num_seeds), words.mean(found), words.interval(found), *ends, seconds]
        rows.append([*row, *figures])
    said = [f"- **{each.id}**: {each.purpose}{_preset(each)}" for each in commands]
    return [*table([*head, "time a network"], rows), "", *said]


def _preset(command: Command) -> str:
    """What the preset of a command sets."""
    name = given_of(command).get("--preset")
    return f" Its preset sets `{as_flags(PRESETS[name])}`." if name and command.is_first else ""


def seeds(commands: Sequence[Command], records: Records) -> list[str]:
    """The errors of every seed, of the commands that have been run."""
    run = [each for each in commands if evidence.was_run(records.get(each.id))]
    rows = [
        [each.id, _range(record["seeds"]), _numbers(record["errors"]), f"{record['num_test']:,}"]
        for each in run
        for record in [records[each.id]]
    ]
    return table(["command", "seeds", "errors of each, in this order", "of"], rows) if rows else []


def _range(seeds: Sequence[int]) -> str:
    if list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))) and len(seeds) > 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return _numbers(seeds)


def _numbers(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def published(commands: Sequence[Command], records: Records) -> list[str]:
    """What others report, and these, from the least to the best."""
    rows = [
        (each.accuracy, [each.what, f"{each.accuracy:.2f} %", each.source]) for each in PUBLISHED
    ]
    for each in commands:
        if evidence.was_run(records.get(each.id)):
            found = evidence.summary(records[each.id])
            own = [f"**{each.row}**", f"**{words.percent(found.mean)}**", "this page"]
            rows.append((100 * found.mean, own))
    said = (
        "Beside what others have published of networks that know nothing of images, trained on all "
        "60,000:"
    )
    ordered = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    return [said, "", *table(["what", "test accuracy", "source"], ordered)]


def together(command: Command, record: Mapping[str, Any]) -> list[str]:
    """What the networks of a command say together."""
    found, count = record["together"], len(record["seeds"])
    wrong = len(found["wrong"])
    errors = [f"{sum(record['errors']) / count:.1f}", str(wrong)]
    rows = [
        ["errors", *errors],
        ["accuracy", *(words.percent(found[who]["accuracy"]) for who in ("one", "all"))],
        *(
            [name.replace("_", " "), *(f"{found[who][name]:.4f}" for who in ("one", "all"))]
            for name in ("log_loss", "calibration_error")
        ),
    ]
    return [
        f"**{command.id}**: the mean of the probabilities of {count} networks is right at "
        f"{together_of(record)} of the test images. Two of the networks guess differently at "
        f"{words.percent(found['disagreement'])} of them, and not all alike at "
        f"{found['num_disputed']:,}.",
        "",
        *table(["", "one network, on average", "all together"], rows),
    ]


def together_of(record: Mapping[str, Any]) -> str:
    """The accuracy of the networks together; its interval is over images, as they are but one."""
    num_test, wrong = record["num_test"], len(record["together"]["wrong"])
    low, high = wilson(num_test - wrong, num_test)
    interval = f"{100 * low:.2f} to {words.percent(high)}"
    return f"{words.percent(1 - wrong / num_test)} ({interval}, Wilson's, over images)"


def receipts(commands: Sequence[Command], records: Records) -> list[str]:
    """Digests, and on what and by which versions they were made."""
    run = [each for each in commands if evidence.was_run(records.get(each.id))]
    if not run:
        return ["## Receipts", "", f"None: {NOT_RUN}."]
    rows = []
    for each in run:
        record = records[each.id]
        digest = f"`{record['all_params_sha256']}`"
        rows.append([each.id, digest, f"`{record['data_sha256'][:12]}`", _machine(record)])
    return [
        "## Receipts",
        "",
        "A digest is of the parameters of all networks of a command, as its `summary.json` has it; "
        "`docs/measured/results` has each network's own, and the test images that it gets wrong.",
        "",
        *table(["command", "networks", "data", "made on"], rows),
    ]


def _machine(record: Mapping[str, Any]) -> str:
    made = record["environment"]
    versions = ", ".join(f"{name} {made['versions'][name]}" for name in ("jax", "jaxlib", "optax"))
    cores = f"{made['num_cores']} cores, {made['threads']} threads"
    return f"{made['processor']}, {cores}; Python {made['python']}, {versions}"
