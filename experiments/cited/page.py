"""What docs/results.md and the README say of the commands: made of the records alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.app.presets import PRESETS, as_flags
from experiments.cited import ablation, evidence, words
from experiments.cited.catalogue import PUBLISHED, Command, each_once, line
from experiments.cited.words import NOT_RUN, table
from experiments.scores.classes import wilson

__all__ = ["BARE", "BEGIN", "END", "PICTURE", "body", "dataset_of", "drawn", "renewed", "rows"]

Records = Mapping[str, Mapping[str, Any]]

BEGIN, END = "<!-- results: written by experiments.results -->", "<!-- end of results -->"
PICTURE = "measured/results/picture.svg"
ALT = "Test errors of each command, seed by seed, and of what others have published."
TITLES = {"mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "digits": "scikit-learn's digits"}
BARE = f"# Results\n\n{BEGIN}\n{END}\n"  # what a page begins with, where there is none
HEAD = """\
What the presets reach, by which command, with every seed that was named before the first of them
ran. None of these networks knows that its inputs are a picture: the same pixels in any other order
would do. No setting was chosen by the test images.

A mean is over seeds, and its 95 % interval, Student's, says how far seeds go, on these very test
images; other images would scatter more. A network's time is its share of its population's training,
which has all cores; what loads and compiles is not in it."""
AGAIN = """\
## Make them again

```sh
python -m experiments.results --plan   # which commands there are, and what there is of each
python -m experiments.results --run    # runs what is not there yet, and writes this page
python -m experiments.results --run --only=classic
python -m experiments.results --page   # writes this page again, from the records alone
```

One after another; a command that is stopped goes on where it was. Each has a folder in
`runs/results`, and its networks are asked again for what `docs/measured/results` has on record:
each one's digest, and the test images that it gets wrong. Any of them can be trained again alone,
and compared to the bit:

```sh
python -m experiments.replay runs/results/classic --member=seed=0
```"""


def body(commands: Sequence[Command], steps: Sequence[Command], records: Records) -> list[str]:
    """The lines of docs/results.md that are not its own.

    Args:
      commands: of the catalogue, but for the ablation's.
      steps: those of the ablation.
      records: of each command that has been run, or left out, by its id.
    """
    parts = [HEAD]
    for name in dict.fromkeys(map(dataset_of, commands)):
        these = [each for each in commands if dataset_of(each) == name]
        parts += ["", f"## {TITLES.get(name, name)}", "", *_means(these, records)]
        if seeds := _seeds(these, records):
            parts += ["", *seeds]
        if name == "mnist":
            parts += ["", *_published(these, records)]
            if any(evidence.was_run(records.get(each.id)) for each in drawn(commands, steps)):
                parts += ["", f"![{ALT}]({PICTURE})"]
        for each in these:
            if each.is_ensemble and evidence.was_run(records.get(each.id)):
                parts += ["", *_together(each, records[each.id])]
    parts += ["", *ablation.section(steps, records)] if steps else []
    every = each_once(commands, steps).values()
    return [*parts, "", *_receipts(list(every), records), "", AGAIN]


def dataset_of(command: Command) -> str:
    """What a command trains on."""
    return _given_of(command)["--dataset"]


def _given_of(command: Command) -> dict[str, str]:
    """The flags of a command by their names."""
    return dict(flag.partition("=")[::2] for flag in command.flags)


def drawn(commands: Sequence[Command], steps: Sequence[Command]) -> list[Command]:
    """The commands in the picture: those on MNIST, each once."""
    every = each_once(commands, steps).values()
    return [each for each in every if dataset_of(each) == "mnist"]


def _means(commands: Sequence[Command], records: Records) -> list[str]:
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
    name = _given_of(command).get("--preset")
    return f" Its preset sets `{as_flags(PRESETS[name])}`." if name and command.is_first else ""


def _seeds(commands: Sequence[Command], records: Records) -> list[str]:
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


def _published(commands: Sequence[Command], records: Records) -> list[str]:
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


def _together(command: Command, record: Mapping[str, Any]) -> list[str]:
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
        f"{_of_all(record)} of the test images. Two of the networks guess differently at "
        f"{words.percent(found['disagreement'])} of them, and not all alike at "
        f"{found['num_disputed']:,}.",
        "",
        *table(["", "one network, on average", "all together"], rows),
    ]


def _of_all(record: Mapping[str, Any]) -> str:
    """The accuracy of the networks together; its interval is over images, as they are but one."""
    num_test, wrong = record["num_test"], len(record["together"]["wrong"])
    low, high = wilson(num_test - wrong, num_test)
    interval = f"{100 * low:.2f} to {words.percent(high)}"
    return f"{words.percent(1 - wrong / num_test)} ({interval}, Wilson's, over images)"


def _receipts(commands: Sequence[Command], records: Records) -> list[str]:
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


def rows(commands: Sequence[Command], records: Records) -> list[str]:
    """The README's rows: of the commands that come first."""
    head = ["what", "command", "mean test accuracy", "worst and best seed", "time a network"]
    made = []
    for each in commands:
        if not each.is_first:
            continue
        row = [each.row, f"`{line(each.flags)}`"]
        if evidence.was_run(records.get(each.id)):
            record = records[each.id]
            found = evidence.summary(record)
            seconds = words.duration(record["train_seconds"] / len(record["seeds"]))
            said = (
                f"{words.percent(found.mean)} ({words.interval(found, 2)}), {found.num_seeds} seeds"
            )
            made.append([*row, said, " and ".join(words.between(record)), seconds])
            if each.is_ensemble:
                all_of = f"all {len(record['seeds'])} of them together"
                made.append([all_of, "the same", _of_all(record), "", ""])
        else:
            made.append([*row, words.why(records.get(each.id)), "", ""])
    return table(head, made)


def renewed(name: str, text: str, lines: Sequence[str]) -> str:
    """A page with these lines between its marks; the rest of it is its own.

    Raises:
      ValueError: if it has not both marks, once each.

    >>> made = renewed("README.md", f"a {BEGIN} old {END} b", ["new"])
    >>> print(made.replace(BEGIN, "<").replace(END, ">"))
    a <
    <BLANKLINE>
    new
    <BLANKLINE>
    > b
    """
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{name} needs {BEGIN} and {END}, once each")
    before, _, rest = text.partition(BEGIN)
    return "\n".join([before + BEGIN, "", *lines, "", END + rest.partition(END)[2]])
