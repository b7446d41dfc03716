"""Populations of two real processes, which share one start of JAX."""

import json

import numpy as np
import optax
import pytest
from several import free_address, start

from jaxmlp import Dataset, Recipe, classification, mlp, resumable_many

PROGRAM = """
import sys
import jax
processes, number = map(int, sys.argv[1:3])
jax.config.update("jax_num_cpu_devices", 2)
if processes > 1:
    jax.distributed.initialize(sys.argv[3], processes, number)
import numpy as np, optax, jaxmlp
from jax.sharding import Mesh
from jaxmlp.populations.teams import teams_of

inputs, labels = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 3
inputs = inputs.astype(np.float32)
data = jaxmlp.Dataset(inputs, labels, inputs[:30], labels[:30])
model, task = jaxmlp.mlp((4, 6, 3), dropout=0.3), jaxmlp.classification(3)
recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.01}, 16, 4)
rates, halving = {"learning_rate": [0.1, 0.001, 0.01]}, jaxmlp.Halving("test_loss", factor=2)
given = recipe, data, range(3), rates


def show(runs):
    whole = jaxmlp.gather(runs)
    print(*(jaxmlp.digest(each) for each in (dict(whole.history), whole.states, whole.params)))
    print(whole.stopped_at.tolist(), whole.ended_by.tolist(), whole.share_of_work, whole.faults)


plan = jaxmlp.plan_many(*given)
print(plan.num_members, plan.num_programs)
runs = jaxmlp.train_many(*given, halving=halving)  # 9 members
if processes > 1:
    here = runs.is_here.sum()
    assert here == 4 + number, here
    assert len(jaxmlp.population_like(*given).epochs) == here
    own = Mesh(jax.local_devices(), ("own",))
    assert len(jaxmlp.population_like(*given, mesh=own).epochs) == 9
    assert jaxmlp.plan_many(*given, mesh=own).num_devices == 2
show(runs)
show(jaxmlp.train_many(recipe, data, [3]))  # one member, whoever has it
kept = []
stopped = jaxmlp.train_many(
    *given, halving=halving, on_block=lambda at: kept.append(at.snapshot()) or at.epoch == 2
)
print(stopped.share_of_work < runs.share_of_work)
show(jaxmlp.train_many(*given, halving=halving, start=kept[-1]))
for _ in range(2):
    with jaxmlp.resumable_many(sys.argv[4], *given, every=0) as saved:
        def stop(at, start=saved.start, save=saved.save):
            save(at)
            return start is None and at.epoch == 1
        left = jaxmlp.train_many(*given, start=saved.start, on_block=stop)
    print(saved.start is None, left.share_of_work < 1)
show(left)
alone = jaxmlp.train_many(recipe, data, range(number, 2), mesh=Mesh(jax.local_devices(), ("own",)))
print(alone.homes is None, jaxmlp.digest(alone.member(seed=1).params))
if processes > 1:
    across = Mesh(np.array(jax.devices()), ("data",))
    crossed = Mesh(np.array(jax.devices()).reshape(2, 2).T, ("member", "data"))
    assert [{each.process_index for each in team.devices.flat} for team in teams_of(crossed)] == [
        *({0}, {1}),
    ]
    def of(made=None, sweep=None, **fields):
        return {"recipe": made or recipe._replace(**fields), "sweep": sweep}

    elsewhere = Mesh(jax.local_devices(process_index=1 - number), ("x",))
    for options, said in (
        ({"seeds": [number]}, "seed needs to be the same in all processes, got 0 in process 0"),
        ({"sweep": {"learning_rate": [0.1 + number]}}, "learning_rate needs to be the same in"),
        ({"patience": 1 + number, "stop_metric": "test_loss"}, "patience needs to be the same in"),
        ({"stop_metric": ("a", "b")[number]}, "stop_metric needs to be the same in all processes"),
        ({"eval_every": 1 + number}, "eval_every needs to be the same in all processes, got 1 in"),
        ({"on_fault": ("stop", "ignore")[number]}, "on_fault needs to be the same in all"),
        ({"mode": ("exact", "fast")[number]}, "mode needs to be the same in all processes"),
        ({"halving": halving._replace(factor=2 + number)}, "halving needs to be the same in all"),
        ({"shuffle": ("own", "shared")[number]}, "shuffle needs to be the same in all processes"),
        ({"data": data._replace(test_inputs=None, test_labels=None) if number else data}, "data "),
        ({"data": data._replace(train_inputs=inputs + number)}, "the data's contents needs to be"),
        ({"mesh": Mesh(jax.devices()[number:], ("x",)), "seeds": range(6)}, "the division of mem"),
        (of(batch_size=16 + number), "recipe.batch_size needs to be the same in all processes"),
        (of(num_epochs=4 + number), "recipe.num_epochs needs to be the same in all processes"),
        (of(hyperparameters={"learning_rate": 0.5 / (1 + number)}),
         "recipe.hyperparameters.learning_rate needs to be the same in all processes, got 0.5 in"),
        (of(model=jaxmlp.mlp((4, 6 + number, 3))), "recipe.model.sizes needs to be the same in"),
        (of(lambda w: recipe._replace(batch_size=16 + w * number), sweep={"w": [0, 1]}), "recipes"),
        ({"mesh": across}, "a member's devices need to be those of one process"),
        ({"mesh": elsewhere}, "mesh needs a device of this process"),
    ):
        try:
            jaxmlp.train_many(**{"recipe": recipe, "data": data, "seeds": range(2), **options})
        except ValueError as error:
            assert said in str(error), error
        else:
            raise AssertionError(said)
"""


def test_two_processes_have_the_bits_of_one_with_halving_and_resumed(tmp_path):
    one, two, address = tmp_path / "one", tmp_path / "two", free_address()
    given = [(1, 0, "alone", one), (2, 0, address, two), (2, 1, address, two)]
    running = [start(PROGRAM, *each, NPROC="8") for each in given]
    ended = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    alone, *both = [out.splitlines() for out, _ in ended]
    assert alone[0] == "9 1"
    assert alone[1] == alone[6]  # it was stopped, and went on
    assert alone[8:10] == ["True True", "False False"]
    assert both == [alone, alone]
    assert sorted(path.name for path in two.iterdir()) == ["process-0", "process-1"]
    record = json.loads((two / "process-1" / "training.json").read_text())
    assert (record["process"], record["num_processes"]) == (1, 2)
    recipe = Recipe(mlp((4, 3)), classification(3), optax.sgd, {"learning_rate": 0.1}, 9, 1)
    data = Dataset(np.zeros((9, 4), np.float32), np.arange(9) % 3)
    with (
        pytest.raises(ValueError, match="two holds a training of several processes, got one"),
        resumable_many(two, recipe, data, [0]),
    ):
        pass
