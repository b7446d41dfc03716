"""The kinds of settings there are: what each takes on a command line, and in config.json."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from absl import flags

from experiments.app import command_line
from experiments.app.command_line import FLOAT32, INT32
from experiments.data.sizes import size_of, size_text
from experiments.folder import schema
from jaxmlp.runtime import meshes

flags.disclaim_key_flags()  # --help lists a flag under the module that defines it through here

# What a setting decides: that of LIFE is on no record (but for a preset's name), and those of SWEEP
# are a sweep's alone.
# TABLE's are of a table of one's own, and together the record `table`.
RESULT, DATA, OUTPUT, LIFE, TABLE = "result", "data", "output", "life", "table"
SWEEP, SWEEP_OUTPUT = "sweep", "output of a sweep"


class About(NamedTuple):
    """What there is to know of a setting, beside its name and its default."""

    help: str
    define: Callable[..., Any]  # makes the flag, of a name, a default and the help
    schema: Any  # of its value in config.json
    role: str = RESULT
    is_alone: bool = False  # whether it is for one network alone, and no sweep's
    is_fixed: bool = False  # whether it is one for all networks of a sweep
    is_filled: bool = False  # whether None stands for a default by other settings, or by the data
    may_change: bool = False  # when a run is resumed
    is_later: bool = False  # whether there are folders from before it: they mean the default,
    before: Any = None  # or this
    choices: Sequence[str] = ()


def setting(default: Any, help: str, define: Callable[..., Any], schema: Any, **about: Any) -> Any:
    """A field of a dataclass; where None is a value of its own, config.json may have null."""
    if default is None and not about.get("is_filled"):
        schema = schema.optional
    metadata = {"about": About(help, define, schema, **about)}
    return dataclasses.field(default_factory=lambda: default, metadata=metadata)


def _by(parser: flags.ArgumentParser[Any]) -> Callable[..., Any]:
    return functools.partial(flags.DEFINE, parser)


def whole(default: int | None, help: str, low: int = 1, high: int = INT32, **about: Any) -> Any:
    """A whole number within bounds."""
    parser = command_line.WholeParser(low, high)
    return setting(default, help, _by(parser), schema.whole(low, high), **about)


def number(default: float | None, help: str, high: float = FLOAT32, **about: Any) -> Any:
    """A number from 0 on."""
    parser = command_line.NumberParser(high)
    return setting(default, help, _by(parser), schema.number(0, high), **about)


def text(default: str | None, help: str, **about: Any) -> Any:
    """Any text."""
    return setting(default, help, flags.DEFINE_string, schema.TEXT, **about)


def texts(help: str, **about: Any) -> Any:
    """Any number of texts, each of which is given with the flag's name."""
    return setting([], help, flags.DEFINE_multi_string, [schema.TEXT], **about)


def path(default: str | None, help: str, **about: Any) -> Any:
    """The name of a file or folder, or of something else that has one."""
    return setting(default, help, _by(command_line.PathParser()), schema.TEXT, **about)


def switch(default: bool | None, help: str, **about: Any) -> Any:
    """Yes or no."""
    return setting(default, help, flags.DEFINE_bool, schema.FLAG, **about)


def one_of(choices: Sequence[str], default: str | None, help: str, **about: Any) -> Any:
    """One of some names."""

    def define(name: str, default: str | None, help: str) -> Any:
        return flags.DEFINE_enum(name, default, choices, help)

    return setting(default, help, define, schema.one_of(choices), choices=choices, **about)


def one_or_auto(choices: Sequence[str], help: str, **about: Any) -> Any:
    """One of some names, or auto, as if none were given; on record it is never auto."""

    def define(name: str, default: str | None, help: str) -> Any:
        return flags.DEFINE_enum(name, default, ["auto", *choices], help)

    return setting(None, help, define, schema.one_of(choices), choices=choices, **about)


def widths(default: list[int], help: str, **about: Any) -> Any:
    """Whole numbers separated by commas."""
    commas: Any = flags.ListSerializer(",")
    define = functools.partial(flags.DEFINE, command_line.WidthsParser(), serializer=commas)
    return setting(default, help, define, [schema.whole(1, INT32)], **about)


def names(help: str, **about: Any) -> Any:
    """Any number of columns' names, separated by commas, or each given with the flag's name."""
    return setting([], help, command_line.define_names, [schema.TEXT], **about)


def score_or_column(help: str, **about: Any) -> Any:
    """A number from 0 on; or, which the data decide, columns' names: so the flag takes a text."""
    kind = schema.number(0, FLOAT32)
    return setting(None, help, _by(command_line.TargetParser()), kind, **about)


def class_weights(help: str, **about: Any) -> Any:
    """A number from 0 on for each class, or how they follow from the data; on record numbers."""
    kind = schema.Kind("a list of numbers from 0 on", _are_numbers)
    return setting(None, help, _by(command_line.ClassWeightsParser()), kind, **about)


def _are_numbers(values: Any) -> bool:
    is_one = schema.number(0, FLOAT32).holds
    return isinstance(values, list) and bool(values) and all(map(is_one, values))


def size(default: str | None, help: str, **about: Any) -> Any:
    """A picture's height and width, such as 28x28."""
    kind = schema.Kind("such as 28x28", _is_size).optional
    return setting(default, help, _by(command_line.SizeParser()), kind, **about)


def _is_size(value: Any) -> bool:
    try:
        return isinstance(value, str) and size_text(size_of(value)) == value
    except ValueError:
        return False


def mesh(default: str | None, help: str, **about: Any) -> Any:
    """Devices along axes, such as data:4; on record it is never auto."""
    kind = schema.Kind("such as data:4", _is_mesh)
    return setting(default, help, _by(command_line.MeshParser()), kind, **about)


def _is_mesh(value: Any) -> bool:
    try:
        return isinstance(value, str) and meshes.text_of_axes(meshes.axes_of(value)) == value
    except ValueError:
        return False


def interval(default: command_line.Interval, help: str, **about: Any) -> Any:
    """How often, such as 5seconds."""
    parser = command_line.IntervalParser()

    def is_one(value: Any) -> bool:
        try:
            return isinstance(value, str) and bool(parser.parse(value))
        except ValueError:
            return False

    kind = schema.Kind("such as 500steps, 1epoch or 0", is_one)
    return setting(default, help, _by(parser), kind, **about)
