"""`jaxmlp.train` whose batches are divided among two cores, each a device."""

from collections.abc import Callable

import jaxmlp
from experiments.app import environment
from experiments.speed.peers import alone, line


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    environment.use_devices(2)
    mesh = jaxmlp.make_mesh("data:2")
    return alone.trained(alone.recipe_of(data, work), data, work, pause, mesh)


if __name__ == "__main__":
    line.serve(train, "jaxmlp", "jax")
