"""What the page of a run is about."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.app.job import Job
from jaxmlp.types import PyTree

__all__ = ["Subject"]


class Subject(NamedTuple):
    """A run that has ended."""

    job: Job  # its recipe, data, config, folder and notice
    lines: Sequence[Mapping[str, Any]]  # of metrics.jsonl
    params: PyTree  # that it keeps
    summary: Mapping[str, Any]  # summary.json
    outputs: np.ndarray  # for the test set, as `jaxmlp.predict` returns them
