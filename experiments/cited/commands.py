"""Commands as one types them, and those that the steps of an ablation are."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.app.presets import PRESETS, as_flags
from experiments.cited.catalogue import INSTEAD, PARTS, PLAIN, SHARED, WHOLE, Command, Part

__all__ = ["Step", "ablation", "dataset_of", "each_once", "given_of", "line", "merged", "steps"]


class Step(NamedTuple):
    """A setting of the ablation: that of the step before, and some flags more."""

    name: str  # of its command as well
    row: str
    flags: tuple[str, ...]  # those of the same name take the place of earlier ones
    same_as: str = ""  # the id of a command that is the same, and serves for it


def line(flags: Sequence[str]) -> str:
    """A command as one types it.

    >>> line(("--dataset=digits", "--seeds=0:2"))
    'python -m experiments.sweep --dataset=digits --seeds=0:2'
    """
    return " ".join(["python -m experiments.sweep", *flags])


def step_id(name: str) -> str:
    """The id of a step's command.

    >>> step_id("batch norm")
    'ablation_batch_norm'
    """
    return f"ablation_{name.replace(' ', '_')}"


def dataset_of(command: Command) -> str:
    """What a command trains on."""
    return given_of(command)["--dataset"]


def given_of(command: Command) -> dict[str, str]:
    """The flags of a command by their names."""
    return dict(flag.partition("=")[::2] for flag in command.flags)


def merged(flags: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """Flags, of which later ones of a name take the earlier one's place.

    >>> merged(("--seeds=0:5", "--norm=none"), ("--norm=batch", "--l2=0.1"))
    ('--seeds=0:5', '--norm=batch', '--l2=0.1')
    """
    return tuple({flag.partition("=")[0]: flag for flag in (*flags, *more)}.values())


def ablation(
    preset: Mapping[str, Any] = PRESETS[WHOLE],
    parts: Sequence[Part] = PARTS,
    instead: Mapping[str, Any] = INSTEAD,
) -> list[Step]:
    """The steps from what no part names to all of a preset.

    Args:
      preset: setting -> value.
      parts: which settings are added at once.
      instead: what all steps have in the place of the preset's. Where that changes nothing, the
        last step is the preset's own command.

    >>> parts = [Part("norm", "+ norm", ("norm",)), Part("vat", "+ vat", ("vat",))]
    >>> first, last = ablation({"norm": "batch", "num_epochs": 9}, parts, {})
    >>> first.flags, last.flags, last.same_as
    (('--num_epochs=9',), ('--norm=batch',), 'strong')
    """
    whole, preset = preset, {**preset, **instead}
    named = {name for part in parts for name in part.settings}
    first = {name: value for name, value in preset.items() if name not in named}
    found = [Step("plain", PLAIN, _flags(first))]
    for part in parts:
        if own := {name: preset[name] for name in part.settings if name in preset}:
            found.append(Step(part.name, part.row, _flags(own)))
    return [*found[:-1], found[-1]._replace(same_as=WHOLE if preset == whole else "")]


def _flags(values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(as_flags(values).split())


def steps(ablation: Sequence[Step], shared: Sequence[str] = SHARED) -> list[Command]:
    """The commands of an ablation, each with the flags of all steps up to it.

    Args:
      ablation: the steps; one that is the same as another command has that one's id.
      shared: what they have in common.
    """
    found, flags = list[Command](), tuple(shared)
    for step in ablation:
        flags = merged(flags, step.flags)
        found.append(
            Command(
                step.same_as or step_id(step.name),
                flags,
                step.row,
                f"A step of the ablation: {step.row}.",
            )
        )
    return found


def each_once(commands: Sequence[Command], steps: Sequence[Command]) -> dict[str, Command]:
    """All commands by their ids, but for steps that are the same as another command."""
    own = {each.id: each for each in commands}
    return own | {each.id: each for each in steps if each.id not in own}
