"""Processes that train one network agree on where its blocks end, and stop together."""

import signal
import time

from several import ends, free_address, joined
from trained_by_several import both, found, start

from jaxmlp.training.agreement import agreed


def test_alone_a_process_goes_by_its_own_clock():
    assert agreed(None, 0.5, True) == (0.5, True)
    assert agreed(None, 0.5, None) == (0.5, False)


def test_a_signal_to_one_process_stops_all_at_one_step_and_nothing_is_lost(tmp_path):
    [(_, _, undisturbed)] = found([start(tmp_path / "alone", count=1, epochs=12, pause=0.0)])
    started = both(tmp_path / "both", epochs=12)
    while "training" not in (line := started[1].stdout.readline()):
        assert line
    time.sleep(0.5)
    started[1].send_signal(signal.SIGTERM)  # not to the one that saves
    (_, ends_0, early_0), (_, ends_1, early_1) = found(started)
    assert ends_0 == ends_1
    assert 1 <= ends_0[-1] < 48
    assert early_0 == early_1 != undisturbed
    again = found(both(tmp_path / "both", epochs=12, pause=0.0))
    assert again[0] == again[1]
    assert again[0][0] == ends_0[-1]
    assert again[0][2] == undisturbed


def test_blocks_are_as_long_as_the_slowest_says_and_an_epoch_may_be_the_last_for_any(tmp_path):
    (_, ends_0, _), (_, ends_1, _) = found(both(tmp_path, epochs=4, pause=0.0, slow=True, last=3))
    assert ends_0 == ends_1 == list(range(1, 13))


DIFFERING = """
import jax, numpy as np, optax, jaxmlp
from jaxmlp import Dataset
number = jax.process_index()
inputs = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
labels = np.arange(64) % 3
data = Dataset(inputs, labels, inputs, labels)
network, task = jaxmlp.mlp((4, 3)), jaxmlp.classification(3)
recipe = jaxmlp.Recipe(network, task, optax.sgd, {"learning_rate": 0.1}, 16, 2)
turned = Dataset(inputs, labels[::-1].copy(), inputs, labels)
mesh = jaxmlp.make_mesh("data:2")
kept = []
run = jaxmlp.train(recipe, data, 0, mesh=mesh, on_block=kept.append)
for fields, options in (
    ({"seed": number}, {}),
    ({}, {"shuffle_seed": number}),
    ({}, {"noise_seed": number}),
    ({}, {"eval_every": 1 + number}),
    ({}, {"block_every": (None, 4)[number]}),
    ({}, {"on_fault": ("raise", "skip")[number]}),
    ({}, {"window": (None, 512)[number]}),
    ({}, {"start": (None, kept[0])[number]}),
    ({}, {"mode": ("exact", "fast")[number]}),
    ({}, {"mesh": jax.sharding.Mesh(np.array(jax.devices()[::1 - 2 * number]), ("data",))}),
    ({"data": (data, turned)[number]}, {}),
    ({"data": (data, Dataset(*data[:2]))[number]}, {}),
    ({"data": (data, data._replace(train_inputs=inputs + number))[number]}, {"window": 64}),
    ({"recipe": recipe._replace(hyperparameters={"learning_rate": 0.1 + 0.4 * number})}, {}),
    ({"recipe": recipe._replace(batch_size=16 + 16 * number)}, {}),
    ({"recipe": recipe._replace(model=jaxmlp.mlp((4, 3), input_dropout=0.1 + number / 2))}, {}),
):
    given = {"recipe": recipe, "data": data, "seed": 0, "mesh": mesh, **fields, **options}
    try:
        jaxmlp.train(**given)
        print("trained")
    except ValueError as error:
        print(str(error).partition(" needs to be the same in all processes, got ")[0])
        if "seed" in fields:
            print(error)
print(jaxmlp.digest(run.params) == jaxmlp.digest(jaxmlp.train(recipe, data, 0, mesh=mesh).params))
leave()
"""


def test_processes_that_are_about_to_train_other_things_are_refused_before_any_work():
    address = free_address()
    codes, lines, said = ends(*(joined(address, 2, number, DIFFERING) for number in range(2)))
    assert codes == [0, 0], said
    assert lines[0] == lines[1]
    assert lines[0] == [
        "seed",
        "seed needs to be the same in all processes, got 0 in process 0 and 1 in process 1",
        *("shuffle_seed", "noise_seed", "eval_every", "block_every", "on_fault", "window"),
        *("start", "mode", "mesh", "the data's contents", "data", "the data's contents"),
        *("recipe.hyperparameters.learning_rate", "recipe.batch_size"),
        *("recipe.model.input_dropout", "True"),
    ]
