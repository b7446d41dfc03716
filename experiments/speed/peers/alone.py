"""`jaxmlp.train`: one network."""

from collections.abc import Callable

import optax
from jax.sharding import Mesh

import jaxmlp
from experiments.speed.peers import line


def recipe_of(data: line.Data, work: line.Work) -> jaxmlp.Recipe:
    """The work as this library writes it."""
    return jaxmlp.Recipe(
        model=jaxmlp.mlp(work.sizes(data.train_inputs.shape[1])),
        task=jaxmlp.classification(work.num_classes),
        optimizer=optax.adam,
        hyperparameters={"learning_rate": work.learning_rate},
        batch_size=work.batch_size,
        num_epochs=work.num_epochs,
    )


def examples(data: line.Data, work: line.Work) -> jaxmlp.Dataset:
    """The data as this library takes them, with the test set where there are tests."""
    return jaxmlp.Dataset(*(data if work.eval_every else data[:2]))


def train(data: line.Data, work: line.Work, pause: Callable[[], None]) -> list[float]:
    """As `line.Train`."""
    return trained(recipe_of(data, work), data, work, pause)


def trained(
    recipe: jaxmlp.Recipe,
    data: line.Data,
    work: line.Work,
    pause: Callable[[], None],
    mesh: Mesh | None = None,
) -> list[float]:
    """The same by a recipe, on one device or on a mesh, in fast mode."""
    run = jaxmlp.train(
        recipe,
        examples(data, work),
        work.seed,
        eval_every=work.eval_every or work.num_epochs,
        callback=lambda _: pause(),
        mesh=mesh,
        mode=None if mesh is None else "fast",
    )
    predicted = jaxmlp.predict(recipe, run.params, data.test_inputs).argmax(axis=1)
    return [line.accuracy(predicted, data.test_labels)]


if __name__ == "__main__":
    line.serve(train, "jaxmlp", "jax")
