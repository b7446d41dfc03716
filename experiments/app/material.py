"""What there is to train on, by the settings or by a record of them, and what is said of it."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.app import config as configs
from experiments.app import tables
from experiments.app.settings import Settings
from experiments.data import folding, sources
from experiments.data.tables import loading
from experiments.folder.workdir import user_path
from jaxmlp.types import Dataset


class Material(NamedTuple):
    """What there is to train on."""

    data: Dataset  # of several folds, the first
    notice: str | None = None  # what no reader of a record may miss
    findings: Sequence[str] = ()  # of a table, for a reader
    preparations: Sequence[Mapping[str, Any]] = ()  # of a table, how rows become inputs: a fold's
    folds: Sequence[Dataset] = ()  # of a cross-validation, whose first is `data`


def load(given: Settings, earlier: Mapping[str, Any] | None) -> Material:
    """What the settings name, with a validation set held out; raises as `configs.load_data`."""
    if given.target_column:
        return of_table(configs.decisive(given) | {"folds": given.folds}, given.dataset)
    if not given.folds:
        return Material(*configs.load_data(given, earlier))
    whole = dataclasses.replace(given, validation_fraction=0.0)
    data, notice, findings = configs.load_data(whole, earlier)
    found = divided(data, given.folds, given.validation_fraction)
    return found._replace(notice=notice, findings=findings)


def divided(data: Dataset, folds: int, validation_fraction: float) -> Material:
    """Data with a validation set held out, in folds where there are to be some.

    Args:
      data: without a validation set.
      folds: how many; 0 for none.
      validation_fraction: of the training examples, or of each fold's.

    Raises:
      ValueError: if they cannot be so divided.
    """
    if not folds:
        return Material(sources.hold_out(data, validation_fraction))
    found = folding.folded(data, folds, validation_fraction)
    return Material(found[0], folds=found)


def of_table(config: Mapping[str, Any], name: str) -> Material:
    """The table of a config, or of what `config.decisive` returns.

    Args:
      config: with a record `table`; of a sweep with its `folds`.
      name: where the table is.

    Raises:
      ValueError: if it is none, or has no such columns.
    """
    options = tables.options(config)
    loaded = loading.load(user_path(name), options, check_finite=config["check_finite"])
    folds = tuple(loaded.datasets) if options.folds else ()
    return Material(loaded.datasets[0], None, loaded.findings, loaded.preparations, folds)
