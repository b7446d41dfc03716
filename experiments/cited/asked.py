"""What a command of the catalogue asks for, and whether that is what a folder holds."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags, logging

from experiments import sweep
from experiments.app import config as configs
from experiments.app.fields import RESULT, SWEEP
from experiments.app.settings import DEFAULTS, Settings, names_of
from experiments.folder import records, workdir
from experiments.folder.files import as_written
from jaxmlp.runtime import receipt

__all__ = ["ABSENT", "BEGUN", "COMPLETE", "check", "decisive", "settings_of", "state_of"]

ABSENT, BEGUN, COMPLETE = "not begun", "begun", "complete"
WHOLE = ("summary.json", "runs.npz", "networks", "metrics.jsonl", "environment.json")
ANY = {"data_dir"}  # where the data lie decides no bit


def settings_of(words: Sequence[str]) -> Settings:
    """What the flags of `experiments.sweep` mean, as it reads them itself.

    Raises:
      ValueError: if they are no such flags.
    """
    with _flags(words):
        given = configs.read()
        sweep.refuse_flags(given)
        return given


def decisive(words: Sequence[str]) -> dict[str, Any]:
    """What decides the results of a command: the settings that are not the defaults."""
    given = settings_of(words)
    found = {name: getattr(given, name) for name in names_of(RESULT, SWEEP)}
    return {name: value for name, value in found.items() if value != DEFAULTS[name]}


@contextlib.contextmanager
def _flags(words: Sequence[str]) -> Iterator[None]:
    """The program's flags as of another command line, and then as if none had been given."""
    were_parsed, level = flags.FLAGS.is_parsed(), logging.get_verbosity()
    flags.FLAGS.unparse_flags()
    try:
        left = flags.FLAGS(["sweep", *words])
        if len(left) > 1:
            raise ValueError(f"a command needs flags only, got {' '.join(left[1:])}")
        yield
    except flags.Error as error:
        raise ValueError(f"a command needs flags of experiments.sweep: {error}") from error
    finally:
        flags.FLAGS.unparse_flags()
        if were_parsed:
            flags.FLAGS.mark_as_parsed()
        logging.set_verbosity(level)  # which is a flag too


def check(folder: Path, words: Sequence[str]) -> None:
    """Sees whether a folder's settings are those that a command asks for.

    Raises:
      ValueError: if they are others.
    """
    given, config = settings_of(words), records.read_config(folder / "config.json")
    if "sweep" not in config:
        raise ValueError(f"{folder} needs to hold a sweep, got a run")
    own = {name: getattr(given, name) for name in names_of(SWEEP)}
    expected = as_written({"dataset": given.dataset, **configs.decisive(given), **own})
    got: Mapping[str, Any] = {**config, **config["given"]}
    names = [name for name in expected if name not in ANY]
    wanted, there = ({name: each.get(name) for name in names} for each in (expected, got))
    if found := list(receipt.differences(wanted, there)):
        raise ValueError(
            f"{folder} needs to be of {' '.join(words)}, got another: {'; '.join(found)}"
        )


def state_of(folder: Path) -> str:
    """Whether a sweep has begun in a folder, and ended."""
    if not os.path.isdir(folder) or workdir.is_beginning(folder):
        return ABSENT
    return COMPLETE if all((folder / name).exists() for name in WHOLE) else BEGUN
