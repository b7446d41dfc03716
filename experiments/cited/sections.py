"""What docs/results.md says of the commands of one data set, and where their figures were made."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.app.presets import PRESETS, as_flags
from experiments.cited import evidence, words
from experiments.cited.catalogue import PUBLISHED, Command
from experiments.cited.commands import given_of, line
from experiments.cited.words import NOT_RUN, percent, table
from experiments.scores import ensemble
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
        record = records.get(each.id)
        if record is None or not evidence.was_run(record):
            continue
        found = [(each.row, evidence.summary(record).mean, "this page")]
        if "together" in record:
            all_of = f"all {len(record['seeds'])} of {each.id} together"
            share = 1 - len(record["together"]["wrong"]) / record["num_test"]
            found.append((all_of, share, "this page; an ensemble, no single network"))
        rows += [(100 * n, [f"**{what}**", f"**{percent(n)}**", by]) for what, n, by in found]
    said = (
        "Beside what others have published of networks that know nothing of images, trained on all "
        "60,000:"
    )
    ordered = [row for _, row in sorted(rows, key=lambda pair: pair[0])]
    return [said, "", *table(["what", "test accuracy", "source"], ordered)]


def together(command: Command, records: Records) -> list[str]:
    """What the networks of a command say together, beside one of them.

    Args:
      command: one whose record says it.
      records: its own, and those of others, which may have the same networks.
    """
    record = records[command.id]
    scores, count = record["together"]["scores"], len(record["seeds"])
    first = (
        f"**{command.id}**: all {count} networks together are right at {together_of(record)} of "
        f"the test images.{_also(command, records)}"
    )
    rows = table(ensemble.HEADS, ensemble.rows(scores))
    after = " ".join([*ensemble.said(scores)[1:], _over_one(record), _sureness(record)])
    return [first, "", *rows, "", after]


def _also(command: Command, records: Records) -> str:
    """Which other commands have trained the same networks, to the bit."""
    own = _digests(records[command.id])
    names = [
        f"**{name}**"
        for name, other in records.items()
        if name != command.id and evidence.was_run(other) and own.items() <= _digests(other).items()
    ]
    return f" They are the networks of {' and '.join(names)} with these seeds." if names else ""


def _digests(record: Mapping[str, Any]) -> dict[int, str]:
    return dict(zip(record["seeds"], record["params_sha256"], strict=True))


def _over_one(record: Mapping[str, Any]) -> str:
    """What they have over one of them, image by image, and whether that is luck."""
    found = evidence.together_or_alone(record)
    sure = sum(p_value < evidence.LEVEL for p_value in found.p_values)
    gain = words.points(*evidence.gain_together(record))
    better, worse = map(words.spread, (found.first, found.second))
    return (
        f"Over one of them, on the average, all have {gain} percentage points, with a 95 % "
        f"interval over images. Beside each one alone they are right at {better} images that it "
        f"gets wrong, and wrong at {worse} that it gets right: by McNemar's test {sure} of "
        f"{len(found.p_values)} are told from them at p < {evidence.LEVEL}."
    )


def _sureness(record: Mapping[str, Any]) -> str:
    """How sure one and all are, beside how often they are right: what calibration is off by."""
    found, said = record["together"], []
    for who, name in (("one", "one"), ("all", "together")):
        sure, right = found["confidence"][who], found["scores"][name]["accuracy"]
        kind = "more" if sure > right else "less"
        said.append(f"{percent(sure)} and {percent(right)}, {kind} sure than right")
    before, after = (found["scores"][name]["calibration_error"] for name in ("one", "together"))
    why = ""
    if after > before > 0:
        why = (
            f" Their calibration error is {after / before:.1f} times one's: a mean of "
            "probabilities is the less sure the more the networks differ, though it is right more "
            "often."
        )
    return (
        "How sure they are on the average, by the probability of what they answer, and how often "
        f"right: one {said[0]}; all together {said[1]}.{why}"
    )


def together_of(record: Mapping[str, Any]) -> str:
    """The accuracy of the networks together; its interval is over images, as they are but one."""
    num_test, wrong = record["num_test"], len(record["together"]["wrong"])
    low, high = wilson(num_test - wrong, num_test)
    interval = f"{100 * low:.2f} to {percent(high)}"
    return f"{percent(1 - wrong / num_test)} ({interval}, Wilson's, over images)"


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
