"""What docs/results.md and the README say of the commands: made of the records alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.cited import ablation, evidence, sections, words
from experiments.cited.catalogue import Command
from experiments.cited.commands import dataset_of, each_once, line
from experiments.cited.words import table

__all__ = ["BARE", "BEGIN", "END", "PICTURE", "body", "drawn", "renewed", "rows"]

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
each one's digest, and the test images that it gets wrong. All of a command, or any of its networks
alone, can be trained again and compared to the bit:

```sh
python -m experiments.verify runs/results/classic
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
        parts += ["", f"## {TITLES.get(name, name)}", "", *sections.means(these, records)]
        if seeds := sections.seeds(these, records):
            parts += ["", *seeds]
        if name == "mnist":
            parts += ["", *sections.published(these, records)]
            if any(evidence.was_run(records.get(each.id)) for each in drawn(commands, steps)):
                parts += ["", f"![{ALT}]({PICTURE})"]
        for each in these:
            if "together" in records.get(each.id, {}):
                parts += ["", *sections.together(each, records)]
    parts += ["", *ablation.section(steps, records)] if steps else []
    every = each_once(commands, steps).values()
    return [*parts, "", *sections.receipts(list(every), records), "", AGAIN]


def drawn(commands: Sequence[Command], steps: Sequence[Command]) -> list[Command]:
    """The commands in the picture: those on MNIST, each once."""
    every = each_once(commands, steps).values()
    return [each for each in every if dataset_of(each) == "mnist"]


def rows(commands: Sequence[Command], records: Records) -> list[str]:
    """The README's rows: of the commands that come first."""
    mean = "mean test accuracy (95 % interval, over seeds)"
    head = ["what", "command", mean, "worst and best seed", "time a network"]
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
            if "together" in record:
                all_of = f"all {len(record['seeds'])} of them together"
                made.append([all_of, "the same", sections.together_of(record), "", ""])
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
