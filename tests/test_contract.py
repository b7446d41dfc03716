"""What holds for every optimizer and every activation on every task, through `make_update`.

One program a task trains a network for each optimizer, side by side: a loss that is a sum has
gradients that know nothing of each other. Which activation they have is a number among the
parameters, so that no other one is compiled. A new name of each of the three is in it by itself.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxmlp
from jaxmlp import (
    Batch,
    Metric,
    Model,
    Variables,
    activations,
    digest,
    init_state,
    make_update,
    optimizers,
)

TASKS = [
    name
    for name in jaxmlp.__all__
    if inspect.isfunction(made := getattr(jaxmlp, name))
    and inspect.signature(made).return_annotation is jaxmlp.Task
    and "task" not in inspect.signature(made).parameters  # which makes another of one
]
INPUTS = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
TARGETS = np.tanh(INPUTS @ np.float32([[1, -1], [2, 0], [0, 1]]))
LABELS = {  # by a task's kind
    "classification": (TARGETS[:, 0] > 0).astype(np.int32),
    "binary": (TARGETS > 0).astype(np.float32),
    "regression": TARGETS,
}
NETWORKS = {name: jaxmlp.mlp((3, 8, 2), getattr(activations, name)) for name in activations.__all__}
LEARNING_RATES = {"sgd": 0.15, "adagrad": 0.3}  # of the others: 0.05
NUM_STEPS = 80

FLAT = {  # whose derivative is 0 at every point, as `grad` has it
    name
    for name in activations.__all__
    if not jax.vmap(jax.grad(getattr(activations, name)))(jnp.linspace(-3, 3, 26)).any()
}


def apply(params, inputs):
    """The outputs of each optimizer's network, (optimizers, outputs)."""
    layers = jax.tree.map(lambda *leaves: jnp.stack(leaves), *params.trained.values())
    each = [jax.vmap(network.apply, (0, None)) for network in NETWORKS.values()]
    return jax.lax.switch(params.running, each, layers, inputs)


def every_optimizer():
    """Each at work on the network of its name."""
    made = {
        name: getattr(optimizers, name)(LEARNING_RATES.get(name, 0.05))
        for name in optimizers.__all__
    }
    return optax.partition(made, {name: name for name in made})


def beginning(activation):
    """The same network for every optimizer."""
    params = NETWORKS[activation].init(jax.random.key(0))
    number = jnp.int32(list(NETWORKS).index(activation))
    return init_state(
        Variables(dict.fromkeys(optimizers.__all__, params), number), every_optimizer()
    )


def trained(update, state, batch):
    """The state after training, and the figures of the first step and of the last."""
    state, first = update(state, batch)
    for _ in range(NUM_STEPS - 1):
        state, last = update(state, batch)
    return state, first, last


def update_of(task):
    """One step of all, which measures the loss of each optimizer's network by its name."""

    def loss_of(number):
        return lambda outputs, label: task.loss(outputs[number], label)

    def loss(outputs, label):
        return jax.vmap(task.loss, (0, None))(outputs, label).sum()

    measured = [Metric(name, loss_of(i), False) for i, name in enumerate(optimizers.__all__)]
    return make_update(Model(None, apply), loss, every_optimizer(), tuple(measured))


@pytest.fixture(scope="module", params=TASKS)
def trial(request):
    """The update of a task, its batch, and by activation what training left."""
    task = getattr(jaxmlp, request.param)(2)
    update, batch = update_of(task), Batch(INPUTS, LABELS[task.kind])
    return update, batch, {name: trained(update, beginning(name), batch) for name in NETWORKS}


def test_tasks_and_activations_are_found():
    assert {"binary_classification", "classification", "regression"} <= set(TASKS)
    assert {"sign", "step"} == FLAT  # another name here is a claim about it, to be made


def test_each_learns(trial):
    """To less than half of the first loss."""
    _, _, left = trial
    assert not [
        (activation, name, first.metrics[name], last.metrics[name])
        for activation, (_, first, last) in left.items()
        for name in optimizers.__all__
        if not last.metrics[name] < 0.5 * first.metrics[name]
    ]


def test_all_layers_learn_but_the_one_below_a_flat_activation(trial):
    """It has a gradient of 0, so that such a network learns by its last layer alone."""
    _, _, left = trial
    for activation, (state, _, _) in left.items():
        before = beginning(activation).params
        moved = jax.tree.map(lambda a, b: bool((a != b).any()), state.params, before).trained
        for name, (hidden, output) in moved.items():
            assert all(output), (activation, name)
            assert set(hidden) == {activation not in FLAT}, (activation, name)


def test_each_is_pure(trial):
    update, batch, _ = trial
    for activation in NETWORKS:
        state, _ = update(beginning(activation), batch)  # so that no moment is 0
        given = digest((state, batch))
        once, again = (digest(update(state, batch)) for _ in range(2))
        assert once == again, activation
        assert digest((state, batch)) == given, activation


def test_each_reproduces_and_none_compiles_after_the_first_step(trial):
    """The other way round, so that nothing may hang on what was trained before."""
    update, batch, left = trial
    for activation, found in reversed(left.items()):
        assert digest(trained(update, beginning(activation), batch)) == digest(found), activation
        assert found[0].step == NUM_STEPS
    assert update._cache_size() == 1


def test_side_by_side_is_as_each_alone():
    task, batch = jaxmlp.regression(2), Batch(INPUTS, LABELS["regression"])
    network, optimizer = NETWORKS["tanh"], optimizers.adam(0.05)
    alone = init_state(network.init(jax.random.key(0)), optimizer)
    alone, first, last = trained(make_update(network, task.loss, optimizer), alone, batch)
    together, *infos = trained(update_of(task), beginning("tanh"), batch)
    for mine, each in zip((first, last), infos, strict=True):
        assert mine.loss == pytest.approx(each.metrics["adam"].item(), rel=1e-3)
    leaves = (jax.tree.leaves(params) for params in (alone.params, together.params.trained["adam"]))
    for mine, each in zip(*leaves, strict=True):
        np.testing.assert_allclose(mine, each, rtol=1e-3, atol=1e-4)
