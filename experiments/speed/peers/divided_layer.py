"""`jaxmlp.train` whose hidden layer is divided among two cores, each a device."""

from collections.abc import Callable

import jaxmlp
from experiments.app import environment
from experiments.speed.peers import alone, line


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    environment.use_devices(2)
    recipe = alone.recipe_of(data, work)
    recipe = recipe._replace(model=jaxmlp.with_sharded(recipe.model))
    return alone.trained(recipe, data, work, pause, jaxmlp.make_mesh("data:1,model:2"))


if __name__ == "__main__":
    line.serve(train, "jaxmlp", "jax")
