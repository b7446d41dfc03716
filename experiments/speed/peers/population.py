"""`jaxmlp.train_many`: networks of as many seeds, on all cores."""

from collections.abc import Callable

import jaxmlp
from experiments.app import environment
from experiments.speed.peers import alone, line


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    environment.use_devices()
    recipe = alone.recipe_of(data, work)
    examples = alone.examples(data, work)
    seeds = range(work.seed, work.seed + work.num_networks)
    every = work.eval_every or work.num_epochs
    runs = jaxmlp.train_many(recipe, examples, seeds, eval_every=every, callback=lambda _: pause())
    members = [runs.member(seed=seed).params for seed in seeds]
    predicted = [jaxmlp.predict(recipe, params, data.test_inputs) for params in members]
    return [line.accuracy(each.argmax(axis=1), data.test_labels) for each in predicted]


if __name__ == "__main__":
    line.serve(train, "jaxmlp", "jax")
