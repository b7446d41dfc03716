"""What there is to train on, by the settings or by a record of them, and what is said of it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.app import config as configs
from experiments.app import tables
from experiments.app.settings import Settings
from experiments.data.tables import loading
from experiments.folder.workdir import user_path
from jaxmlp.types import Dataset


class Material(NamedTuple):
    """What there is to train on."""

    data: Dataset  # of several folds, the first
    notice: str | None = None  # what no reader of a record may miss
    findings: Sequence[str] = ()  # of a table, for a reader
    preparations: Sequence[Mapping[str, Any]] = ()  # of a table, how rows become inputs: a fold's


def load(given: Settings, earlier: Mapping[str, Any] | None) -> Material:
    """What the settings name, with a validation set held out; raises as `configs.load_data`."""
    if given.target_column:
        return of_table(configs.decisive(given), given.dataset)
    return Material(*configs.load_data(given, earlier))


def of_table(config: Mapping[str, Any], name: str) -> Material:
    """The table of a config, or of what `config.decisive` returns.

    Args:
      config: with a record `table`.
      name: where the table is.

    Raises:
      ValueError: if it is none, or has no such columns.
    """
    loaded = loading.load(
        user_path(name), tables.options(config), check_finite=config["check_finite"]
    )
    return Material(loaded.datasets[0], None, loaded.findings, loaded.preparations)
