"""What all lessons share: a function becomes a program that measures, draws, and says what held."""

import functools
import inspect
import json
import math
import platform
import re
import shlex
import sys
import time
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from absl import flags
from matplotlib.figure import Figure
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from experiments.app import command_line, determinism, endings, environment, startup
from experiments.data.sources import NotAvailable
from experiments.folder import schema, workdir
from experiments.lessons import CLAIM_FAILED, NO_DATA, PICTURE, RESULTS, drawing
from jaxmlp.runtime import receipt
from jaxmlp.statistics.intervals import t_interval
from jaxmlp.storage.atomic import whole_file

__all__ = [
    "Claim",
    "Interval",
    "Outcome",
    "Table",
    "at_least",
    "at_most",
    "define",
    "interval",
    "listed",
    "milliseconds",
    "rising",
    "run",
    "say",
    "share",
    "start",
]

flags.disclaim_key_flags()  # --help lists a lesson's flags under the lesson
_started = time.perf_counter()


Pictures = Literal["digits", "mnist"]  # a flag for the data set


class Claim(NamedTuple):
    """What a lesson says is so, with the figures it found, and whether it was."""

    text: str
    held: bool


class Table(NamedTuple):
    """Figures in rows; numbers are shown as they are, so round them or write them as text."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Outcome(NamedTuple):
    """What a lesson found."""

    claims: Sequence[Claim]
    figures: Mapping[str, Any]  # numbers by name, of which there may be lists and mappings
    tables: Mapping[str, Table]
    picture: Figure


class Interval(NamedTuple):
    """A mean over seeds, or a share of them, and where it lies with 95 % confidence."""

    mean: float
    low: float
    high: float

    def text(self, form: str = ".3g") -> str:
        """Such as "0.5 (0.4 to 0.6)"; by ".1%" in percent."""
        mean, low, high = (format(value, form) for value in self)
        return f"{mean} ({low} to {high})"

    def points(self) -> str:
        """Of a difference of two shares, in percentage points.

        >>> Interval(0.104, 0.092, 0.117).points()
        '10.4 points (9.2 to 11.7)'
        """
        mean, low, high = (format(100 * value, ".1f") for value in self)
        return f"{mean} points ({low} to {high})"


def interval(values: Any, log: bool = False) -> Interval:
    """The mean of values (seeds,), one a seed, and its 95 % interval by Student's t.

    Args:
      values: (seeds,).
      log: whether both are those of the logarithms, of values above 0, which an error is; then the
        interval is above 0 too.

    >>> interval([1, 2, 3]).text()
    '2 (-0.484 to 4.48)'
    >>> interval([1, 2, 4], log=True).text()
    '2 (0.357 to 11.2)'
    """
    if log:
        return Interval(*map(math.exp, interval(np.log(values))))
    values = np.asarray(values, np.float64)
    return Interval(float(values.mean()), *map(float, t_interval(values, 0.95)))


def share(held: Any) -> Interval:
    """How many of held (seeds,) are true, as a share, and its 95 % interval.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.

    >>> share([True, True, True, False]).text(".0%")
    '75% (30% to 95%)'
    """
    from scipy import stats

    held = np.asarray(held, bool)
    found = stats.binomtest(int(held.sum()), held.size).proportion_ci(method="wilson")
    return Interval(float(held.mean()), float(found.low), float(found.high))


def rising(low: float, high: float, **settings: Sequence[float]) -> None:
    """Refuses a setting that is not numbers from low to high, each above the one before.

    >>> rising(1, 100, widths=(8, 2))
    Traceback (most recent call last):
    ValueError: --widths needs two numbers or more that rise, from 1 to 100, got 8,2
    """
    for name, given in settings.items():
        rises = len(given) > 1 and list(given) == sorted({*given})
        if not rises or not low <= given[0] <= given[-1] <= high:
            needed = f"two numbers or more that rise, from {low:g} to {high:g}"
            got = ",".join(format(value, "g") for value in given)
            raise ValueError(f"--{name} needs {needed}, got {got}")


def listed(found: Mapping[str, Interval], form: str = ".1%") -> str:
    """What was found of each, in a line; see `Interval.text` for the form; or "points".

    >>> listed({"sgd": Interval(0.5, 0.4, 0.6), "adam": Interval(0.9, 0.8, 1.0)}, ".1f")
    'sgd 0.5 (0.4 to 0.6), adam 0.9 (0.8 to 1.0)'
    >>> listed({"L2": Interval(0.07, 0.063, 0.0775)}, "points")
    'L2 7.0 points (6.3 to 7.8)'
    """
    texts = (each.points() if form == "points" else each.text(form) for each in found.values())
    return ", ".join(map(" ".join, zip(found, texts, strict=True)))


def at_least(least: float, **settings: float) -> None:
    """Refuses a setting that is too low, by its flag's name.

    >>> at_least(2, epochs=3, seeds=1)
    Traceback (most recent call last):
    ValueError: --seeds needs at least 2, got 1
    """
    for name, value in settings.items():
        if not value >= least:
            raise ValueError(f"--{name} needs at least {least:g}, got {value:g}")


def at_most(most: float, **settings: float) -> None:
    """Refuses a setting that is too high, by its flag's name.

    >>> at_most(100, layers=101)
    Traceback (most recent call last):
    ValueError: --layers needs at most 100, got 101
    """
    for name, value in settings.items():
        if not value <= most:
            raise ValueError(f"--{name} needs at most {most:g}, got {value:g}")


def milliseconds(programs: Sequence[Any], arguments: Sequence[Any], calls: int = 20) -> np.ndarray:
    """Each program's median time of a call (programs,).

    Args:
      programs: they take turns, so that all meet the same machine.
      arguments: of each.
      calls: how many of each.
    """
    times = np.zeros((calls, len(programs)))
    for call, i in np.ndindex(*times.shape):
        begin = time.perf_counter()
        jax.block_until_ready(programs[i](*arguments))
        times[call, i] = time.perf_counter() - begin
    return 1e3 * np.median(times, axis=0)


def say(text: str) -> None:
    """Tells the user what is being done now, as a lesson may take a minute."""
    print(f"{time.perf_counter() - _started:6.1f} s  {text}", flush=True)


def start(teach: Callable[..., Outcome]) -> None:
    """Makes a program of a lesson.

    Args:
      teach: the lesson; see `define`.
    """
    define(teach, flags.FLAGS)
    flags.adopt_module_key_flags(startup)
    endings.start(functools.partial(run, teach, flags.FLAGS))


def define(teach: Callable[..., Outcome], values: flags.FlagValues) -> None:
    """Makes flags of a lesson's arguments, and of what all lessons have.

    Args:
      teach: a function whose arguments have defaults, and are whole numbers from 1 on, numbers from
        0 on, tuples of either, truth values, or texts, of which `Literal` names the choices. Its
        docstring says what each is.
      values: the flags so far.

    Raises:
      TypeError: if the function is not like that.
    """
    hints = typing.get_type_hints(teach)
    for name, parameter in inspect.signature(teach).parameters.items():
        _define(name, hints[name], parameter.default, _meaning(teach, name), values)
    folder = "Where to write; by default a new folder in runs/."
    flags.DEFINE(command_line.PathParser(), "workdir", None, folder, values)
    _define("overwrite", bool, False, "Replace what this lesson left in --workdir.", values)
    _define("deterministic", bool, False, determinism.HELP, values)


def _define(name: str, kind: Any, default: Any, meaning: str, values: flags.FlagValues) -> None:
    commas: Any = flags.ListSerializer(",")
    if kind is bool:
        flags.DEFINE_bool(name, default, meaning, values)
    elif kind is str:
        flags.DEFINE_string(name, default, meaning, values)
    elif typing.get_origin(kind) is typing.Literal:
        flags.DEFINE_enum(name, default, typing.get_args(kind), meaning, values)
    elif kind in (int, float):
        one: Any = command_line.WholeParser(1) if kind is int else command_line.NumberParser()
        plain: Any = flags.ArgumentSerializer()
        flags.DEFINE(one, name, default, meaning, values, serializer=plain)
    elif kind in (tuple[int, ...], tuple[float, ...]):
        is_whole = kind == tuple[int, ...]
        many: Any = command_line.WidthsParser() if is_whole else command_line.NumbersParser()
        flags.DEFINE(many, name, list(default), meaning, values, serializer=commas)
    else:
        raise TypeError(f"{name} needs a type that a flag can have, got {kind}")


def _meaning(teach: Callable[..., Outcome], name: str) -> str:
    """What the docstring says of an argument."""
    found = re.search(rf"^  {name}: (.*(?:\n    .*)*)", inspect.getdoc(teach) or "", re.MULTILINE)
    if not found:
        raise TypeError(f"the docstring of {teach.__module__} needs to say what {name} is")
    text = " ".join(found[1].split())
    return text[0].upper() + text[1:]


def run(teach: Callable[..., Outcome], values: flags.FlagValues, argv: list[str]) -> None:
    """Teaches by the flags, and says and writes what was found.

    Args:
      teach: the lesson.
      values: the flags of `define`, read.
      argv: what else there was on the command line, the program first.

    Raises:
      SystemExit: for a mistake, where a claim failed, or without the lesson's data.
    """
    name = Path(inspect.getfile(teach)).stem
    console = Console(highlight=False)
    with endings.clear_errors("interrupted"):
        command_line.refuse_arguments(argv)
        settings = {name: _given(name, values) for name in inspect.signature(teach).parameters}
        path = _choose(values.workdir, name, values.overwrite)
        environment.use_devices()
        startup.wake(None, values.deterministic)
        try:
            outcome = teach(**settings)
        except NotAvailable as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(NO_DATA)
        command = _command(name, (values[name] for name in [*settings, "deterministic"]))
        write(path, outcome, {"lesson": name, "command": command, "settings": settings})
    for table in outcome.tables.values():
        console.print(_grid(table))
    for claim in outcome.claims:
        word, style = ("held", "bold green") if claim.held else ("FAILED", "bold red")
        console.print(f"[{style}]claim {word}:[/] {escape(claim.text)}", soft_wrap=True)
    print(f"{time.perf_counter() - _started:.1f} s; the picture and the figures are in {path}")
    if not all(claim.held for claim in outcome.claims):
        sys.exit(CLAIM_FAILED)


def _given(name: str, values: flags.FlagValues) -> Any:
    value = values[name].value
    if value == []:
        raise ValueError(f"--{name} needs at least one number, got none")
    return tuple(value) if isinstance(value, list) else value


def _command(name: str, given: Iterable[flags.Flag[Any]]) -> str:
    """What makes the same results again, wherever it writes them."""
    changed = [flag.serialize() for flag in given if not flag.using_default_value]
    return shlex.join(["python", "-m", f"experiments.lessons.{name}", *changed])


def _choose(given: str | None, name: str, overwrite: bool) -> Path:
    """The folder to write to; nothing is changed yet.

    Raises:
      ValueError: if there is something in it that is not this lesson's, or may not be replaced.
    """
    path = workdir.choose(given, name, overwrite)
    if path.is_dir() and any(path.iterdir()):
        found = schema.read(path / RESULTS, schema.Fields({})) if (path / RESULTS).exists() else {}
        if found.get("lesson") != name:
            raise ValueError(f"--overwrite needs a folder that lesson {name} made, got {path}")
    return path


def write(path: Path, outcome: Outcome, about: Mapping[str, Any]) -> None:
    """Writes the picture, and then results.json, each whole or not at all.

    Args:
      path: the folder.
      outcome: what the lesson found.
      about: what else is to be recorded: which lesson it is, with which settings.
    """
    path.mkdir(parents=True, exist_ok=True)
    drawing.save(path / PICTURE, outcome.picture)
    machine = receipt.describe()
    results = {
        **about,
        "held": all(claim.held for claim in outcome.claims),
        "claims": [claim._asdict() for claim in outcome.claims],
        "figures": outcome.figures,
        "tables": {name: table._asdict() for name, table in outcome.tables.items()},
        "seconds": round(time.perf_counter() - _started, 1),
        "environment": {
            "python": platform.python_version(),
            **{name: machine[name] for name in ("versions", "platform", "processor", "threads")},
        },
    }
    text = json.dumps(_plain(results), indent=1, allow_nan=False)
    with whole_file(path / RESULTS) as file:
        file.write(f"{text}\n".encode())


def _plain(value: Any) -> Any:
    """The same in JSON's kinds; NumPy's and JAX's are turned into them, and no number is NaN."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _plain(np.asarray(value).tolist())
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _grid(table: Table) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, header_style="bold")
    for i, column in enumerate(table.columns):
        grid.add_column(column, justify="right" if i else "left")
    for row in table.rows:
        grid.add_row(*map(str, row))
    return grid
