"""What all programs do with a command line: read it, and say in one line what is wrong with it."""

import csv
import os
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from absl import flags

from experiments.app import usage
from experiments.app.screen import one_line
from experiments.data.sizes import size_of, size_text

flags.disclaim_key_flags()  # --help lists a flag under the module that defines it through here

INT32 = 2**31 - 1  # the most that a step or an example is counted to
FLOAT32 = 3.4e38  # the largest number that training knows
TINY = 1.2e-38  # and the smallest that is not 0
BALANCED = "balanced"  # of class weights: all classes weigh alike together
LAYERS = 256  # hidden ones: compilation takes as much longer
ELSEWHERE = {  # what other programs call a flag -> what it is called here
    **dict.fromkeys(("epochs", "n_epochs", "max_epochs", "max_iter"), "num_epochs"),
    **dict.fromkeys(("lr", "rate", "eta", "learning_rate_init"), "learning_rate"),
    **dict.fromkeys(("early_stopping", "early_stop"), "patience"),
    **dict.fromkeys(("batch", "bs", "batchsize"), "batch_size"),
    **dict.fromkeys(("hidden", "layers", "units", "widths", "sizes"), "hidden_sizes"),
    **dict.fromkeys(("hidden_layers", "hidden_layer_sizes", "hidden_units"), "hidden_sizes"),
    **dict.fromkeys(("data", "file", "csv", "input", "train"), "dataset"),
    **dict.fromkeys(("label", "labels", "y", "column"), "target"),
    **dict.fromkeys(("test_size", "test_split"), "test_fraction"),
    **dict.fromkeys(("val_split", "validation_split", "val_size"), "validation_fraction"),
    **dict.fromkeys(("cv", "k_folds", "n_splits"), "folds"),
    **dict.fromkeys(("out", "output", "output_dir", "save_dir", "logdir", "folder"), "workdir"),
    **dict.fromkeys(("random_state", "random_seed"), "seed"),
    **dict.fromkeys(("wd", "alpha"), "weight_decay"),
}

Number = TypeVar("Number", int, float)


def parse(argv: list[str]) -> list[str]:
    """Reads the flags; a mistake among them ends the program, with one line and exit code 1.

    So does --help, with what it says and exit code 0.

    Returns:
      The words that are no flags, the program's name first.
    """
    if not usage.ASKED.isdisjoint(argv[1:]):
        usage.show(argv[0], sys.modules["__main__"].__doc__)
        sys.exit(0)
    try:
        return flags.FLAGS(argv)
    except flags.UnrecognizedFlagError as error:
        own = ELSEWHERE.get(error.flagname.replace("-", "_"))
        if own is None or own not in flags.FLAGS:
            sys.exit(f"error: {one_line(error)}")
        sys.exit(f"error: Unknown command line flag '{error.flagname}'. Did you mean: {own} ?")
    except (flags.Error, ValueError, OSError, RecursionError) as error:  # --flagfile reads files
        sys.exit(f"error: {one_line(error)}")


def refuse_arguments(argv: list[str]) -> None:
    """Raises ValueError if there is a word on the command line that is no flag."""
    if len(argv) > 1:
        raise ValueError(f"expected flags only, such as --seed=1, got {' '.join(argv[1:])}")


def refuse_unwritable(path: Path, flag: str) -> None:
    """Raises ValueError if no file could be written there, before there is anything to write."""
    place = path if path.exists() else path.parent
    if path.is_dir() or not path.parent.is_dir() or not os.access(place, os.W_OK):
        raise ValueError(f"{flag} needs a file that can be written, got {path}")


class WholeParser(flags.IntegerParser):
    """A whole number within bounds."""

    def __init__(self, low: int, high: int = INT32) -> None:
        super().__init__(low, high)

    def parse(self, argument: str | int) -> int:
        """Raises ValueError if the text is none."""
        assert self.lower_bound is not None
        assert self.upper_bound is not None
        try:
            number = self.convert(_plain(argument))
            if self.lower_bound <= number <= self.upper_bound:
                return number
        except (ValueError, TypeError):
            pass
        raise ValueError(
            f"expected a whole number from {self.lower_bound} to {self.upper_bound}, got {argument}"
        )


class NumberParser(flags.FloatParser):
    """A number within bounds, 0 or above, which float32 does not turn into 0 or infinity."""

    def __init__(self, high: float = FLOAT32) -> None:
        super().__init__(0, high)

    def parse(self, argument: str | float) -> float:
        """Raises ValueError if the text is none."""
        assert self.upper_bound is not None
        try:
            number = self.convert(_plain(argument))
            if number == 0 or TINY <= number <= self.upper_bound:  # NaN is neither
                return number
        except (ValueError, TypeError, OverflowError):
            pass
        raise ValueError(
            f"expected 0 or a number from {TINY} to {self.upper_bound}, got {argument}"
        )


class PathParser(flags.ArgumentParser[str]):
    """The name of a file or folder, or of something else that has one."""

    def parse(self, argument: str) -> str:
        """Raises ValueError for a text that names nothing."""
        if not argument.strip() or "\0" in argument:
            raise ValueError(f"expected a name or a path, got {argument!r}")
        if argument.startswith("~") and os.path.expanduser(argument) == argument:
            raise ValueError(f"expected a path, got {argument}: there is no such user")
        return argument


class WidthsParser(flags.ArgumentParser[list[int]]):
    """Whole numbers separated by commas; an empty text is no number at all."""

    def parse(self, argument: str | list[int]) -> list[int]:
        """Raises ValueError if the text is not of that form."""
        if isinstance(argument, list):
            return argument
        parts = [part.strip() for part in argument.split(",") if argument.strip()]
        if len(parts) > LAYERS:
            raise ValueError(f"expected at most {LAYERS} widths, got {len(parts)}")
        if not all(re.fullmatch("[0-9]{1,10}", part) and 1 <= int(part) <= INT32 for part in parts):
            raise ValueError(
                f"expected widths of at least 1 such as 256 or 256,64, and at most {INT32}, "
                f"got {argument}"
            )
        return [int(part) for part in parts]


class NumbersParser(flags.ArgumentParser[list[float]]):
    """Numbers separated by commas, each as `NumberParser` has it."""

    def parse(self, argument: str | list[float]) -> list[float]:
        """Raises ValueError if the text is not of that form."""
        if isinstance(argument, list):
            return argument
        return [NumberParser().parse(part.strip()) for part in argument.split(",")]


class TargetParser(flags.ArgumentParser[str]):
    """A score, or columns' names: which of them it is, the data decide."""

    def parse(self, argument: str) -> str:
        """Raises ValueError for a text that is neither."""
        if not argument.strip():
            raise ValueError(f"expected a score, or the column of a table, got {argument!r}")
        return argument


class NamesParser(flags.ArgumentParser[list[str]]):
    """Names separated by commas; one with a comma in it stands in quotation marks.

    >>> NamesParser().parse('age, "town, land"')
    ['age', 'town, land']
    """

    def parse(self, argument: str | list[str]) -> list[str]:
        """Raises ValueError if the text is not of that form."""
        if isinstance(argument, list):
            return argument
        try:
            (row,) = csv.reader([argument], skipinitialspace=True, strict=True)
        except (ValueError, csv.Error):  # lines, or quotation marks that are not closed
            row = []
        names = [" ".join(name.split()) for name in row]
        if not names or not all(names) or len({*names}) < len(names):
            raise ValueError(f"expected names that differ, such as age,town, got {argument!r}")
        return names


class SizeParser(flags.ArgumentParser[str]):
    """A picture's height and width."""

    def parse(self, argument: str) -> str:
        """Raises ValueError if the text is not of that form."""
        return size_text(size_of(argument.strip().lower()))


class ClassWeightsParser(flags.ArgumentParser[list[float] | str]):
    """Numbers separated by commas, or the word for weights that follow from the labels."""

    def parse(self, argument: str | list[float]) -> list[float] | str:
        """Raises ValueError if the text is neither."""
        if argument == BALANCED:
            return BALANCED
        try:
            return NumbersParser().parse(argument)
        except ValueError as error:
            raise ValueError(f"expected {BALANCED} or a number a class; {error}") from None


class MeshParser(flags.ArgumentParser[str]):
    """Devices along axes."""

    def parse(self, argument: str) -> str:
        """Raises ValueError if the text is not of that form."""
        from jaxmlp.runtime import meshes  # the library takes a second to import

        is_auto = argument == meshes.AUTO
        return argument if is_auto else meshes.text_of_axes(meshes.axes_of(argument))


class Interval(NamedTuple):
    """How often."""

    number: int  # 0: never
    unit: str  # "step", "epoch" or "second"

    def __str__(self) -> str:
        """As it is given: 1second or 500steps."""
        return f"{self.number}{self.unit}{'s' if self.number != 1 else ''}"


class IntervalParser(flags.ArgumentParser[Interval]):
    """A whole number of steps, epochs or seconds."""

    def parse(self, argument: str | Interval) -> Interval:
        """Raises ValueError if the text is not of that form."""
        if isinstance(argument, Interval):
            return argument
        match = re.fullmatch(r"([0-9]{1,10}) *(step|epoch|second)s?|0", argument.strip())
        number = int(match[1] or 0) if match else INT32 + 1
        if match is None or number > INT32:
            raise ValueError(
                f"expected such as 500steps, 1epoch, 5seconds or 0, and at most {INT32}, "
                f"got {argument}"
            )
        return Interval(number, match[2] or "epoch")


def define_whole(name: str, default: int | None, help: str, low: int, high: int = INT32) -> None:
    """A flag that takes a whole number within bounds."""
    flags.DEFINE(WholeParser(low, high), name, default, help)


class NamesFlag(flags.MultiFlag):  # type: ignore[type-arg]
    """A flag that may be given several times, with several names each time."""

    def _parse(self, arguments: Any) -> Any:
        lists = super()._parse(arguments) or []
        return [name for names in lists for name in (names if isinstance(names, list) else [names])]


def define_names(name: str, default: list[str], help: str) -> None:
    """A flag that takes names separated by commas."""
    commas: Any = flags.ListSerializer(",")
    flag: Any = NamesFlag  # of which absl says no types
    flags.DEFINE_flag(flag(NamesParser(), commas, name, default, help))


def define_path(name: str, default: str | None, help: str) -> None:
    """A flag that takes a name or a path."""
    flags.DEFINE(PathParser(), name, default, help)


def _plain(argument: str | Number) -> str | Number:
    """The argument; raises ValueError for digits that are not ASCII's, which Python would read."""
    if isinstance(argument, str) and not argument.isascii():
        raise ValueError("digits of another script")
    return argument
