"""What holds for every optimizer on every task, through `make_update`."""

import jax
import numpy as np
import pytest

from jaxmlp import (
    Batch,
    binary_classification,
    classification,
    digest,
    init_state,
    make_update,
    mlp,
    optimizers,
    regression,
)

INPUTS = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
TARGETS = np.tanh(INPUTS @ np.float32([[1, -1], [2, 0], [0, 1]]))

TASKS = {
    "classification": (classification(2), (TARGETS[:, 0] > 0).astype(np.int32)),
    "binary classification": (binary_classification(2), (TARGETS > 0).astype(np.float32)),
    "regression": (regression(2), TARGETS),
}
MODEL = mlp((3, 8, 2))
LEARNING_RATES = {"sgd": 0.1, "adagrad": 0.3}  # of the others: 0.02
NUM_STEPS = 60


@pytest.mark.parametrize("task_name", TASKS)
@pytest.mark.parametrize("optimizer_name", optimizers.__all__)
def test_learns_is_pure_reproduces_and_compiles_once(optimizer_name, task_name):
    task, labels = TASKS[task_name]
    learning_rate = LEARNING_RATES.get(optimizer_name, 0.02)
    optimizer = getattr(optimizers, optimizer_name)(learning_rate)
    update = make_update(MODEL.apply, task.loss, optimizer, task.metrics)
    batch = Batch(INPUTS, labels)
    start = init_state(MODEL.init(jax.random.key(0)), optimizer)
    given = digest((start, batch))

    def run():
        state, infos = start, []
        for _ in range(NUM_STEPS):
            state, info = update(state, batch)
            infos.append(info)
        return state, infos

    state, infos = run()
    assert infos[-1].loss < 0.5 * infos[0].loss
    assert state.step == NUM_STEPS
    assert digest((start, batch)) == given
    assert digest(run()) == digest((state, infos))
    assert update._cache_size() == 1
