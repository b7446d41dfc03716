"""What there is to do: one network to train, or a sweep's."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jax.sharding import Mesh

import jaxmlp
from experiments.app import devices
from experiments.app.settings import Settings
from jaxmlp.objectives.tasks import primary
from jaxmlp.optim.averages import eval_params
from jaxmlp.training.parallel import here
from jaxmlp.types import Dataset, PyTree, TrainState


class Job(NamedTuple):
    """One network to train, or a sweep's."""

    recipe: jaxmlp.Recipe  # of a sweep, without what is swept
    data: Dataset
    config: Mapping[str, Any]  # what decides the result
    path: Path  # the folder
    notice: str | None = None  # what no reader of a record may miss
    given: Settings = Settings()  # what was asked for, on how to go about it
    earlier: Mapping[str, Any] | None = None  # the config of the run to resume, where there is one
    axes: Mapping[str, list[Any]] = {}  # of a sweep: name -> values
    seeds: Sequence[int] = ()
    shuffle_seeds: Sequence[int] | None = None
    noise_seeds: Sequence[int] | None = None
    findings: Sequence[str] = ()  # of the data, for a reader
    preparations: Sequence[Mapping[str, Any]] = ()  # of a table, how its rows become inputs
    folds: Sequence[Dataset] = ()  # of a cross-validation, whose first is `data`

    def marked(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record that says what it is about."""
        marks = {"dataset": self.data.name} | ({"notice": self.notice} if self.notice else {})
        return {**record, **marks}

    def params(self, state: TrainState) -> PyTree:
        """What a network is evaluated with, and what is kept of it."""
        return eval_params(self.recipe.eval_params, here(state))

    @property
    def window(self) -> int | None:
        """Bytes of examples to be in memory at once; None for all."""
        return window_of(self.config)

    @property
    def mesh(self) -> Mesh | None:
        """The devices that train together, if more than one might."""
        return devices.mesh_of(self.config)

    @property
    def metric(self) -> str:
        """What a table and the pictures are about."""
        name = "test" if self.data.test_inputs is not None else "train"
        return f"{name}_{primary(self.recipe.task).name}"

    @property
    def stop_metric(self) -> str:
        """What early stopping and halving look at."""
        return f"validation_{self.config['stop_metric']}"


def window_of(config: Mapping[str, Any]) -> int | None:
    """Bytes of examples that a record says to have been in memory at once; None for all."""
    mebibytes = config.get("outputs", {}).get("window")
    return None if mebibytes is None else mebibytes * 2**20
