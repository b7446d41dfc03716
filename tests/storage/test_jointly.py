"""Checkpoints of two processes, each of which has parts of the arrays."""

import json
import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import jaxmlp
from jaxmlp import Dataset, Recipe, digest, mlp, resumable, train, with_sharded
from jaxmlp.storage import jointly, own_arrays
from jaxmlp.storage.checkpoint import Checkpoints, DamagedError, restore, steps
from jaxmlp.storage.progress import progress_like

RECIPE = Recipe(
    with_sharded(mlp((4, 8, 6, 3))),
    jaxmlp.classification(3),
    optax.adam,
    {"learning_rate": 0.01},
    batch_size=8,
    num_epochs=2,
)


SHAPES = {"bias": (3,), "kernel": (2, 2)}


def made():
    inputs = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    return Dataset(inputs, np.arange(32) % 3)


def like(mesh=None):
    return progress_like(RECIPE, made(), mesh)


def saved(folder, mesh):
    """Saves of both, one of which process 1 cannot write; what the errors were."""
    place, write = jax.tree.map(lambda leaf: leaf.sharding, like(mesh)["state"]), own_arrays.save
    errors = []

    def fail(*given):
        raise OSError("no space left")

    with Checkpoints(folder, keep=2) as checkpoints:
        for step in (1, 2, 3, 4):
            shapes = like()["state"]
            tree = jax.tree.map(
                lambda s, where, step=step: jax.make_array_from_callback(
                    s.shape, where, lambda i: np.full(s.shape, step, s.dtype)[i]
                ),
                shapes,
                place,
            )
            own_arrays.save = fail if step == 3 and jax.process_index() else write
            checkpoints.save(step, tree)
            with warnings.catch_warnings(record=True):
                warnings.simplefilter("always")
                checkpoints.wait()
            errors.append(checkpoints.error)
    return errors


def found(folder, mesh):
    got = restore(folder, like(mesh)["state"])
    kernel = got.tree.params[0].kernel
    parts = [shard.data.shape for shard in kernel.addressable_shards]
    return [got.step, parts, digest(got.tree)]


def whole(folder, mesh):
    """Of arrays that both have all of, process 0 alone saves, whether the other asks or not."""
    everywhere = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())
    tree = {"bias": jax.make_array_from_callback((3,), everywhere, lambda i: np.arange(3.0)[i])}
    within = jax.sharding.NamedSharding(
        jaxmlp.make_mesh("data:2,model:2"), jax.sharding.PartitionSpec(None, "model")
    )
    tree["kernel"] = jax.make_array_from_callback((2, 2), within, lambda i: np.eye(2)[i])
    with Checkpoints(folder) as checkpoints:
        checkpoints.save(1, tree)
        if jax.process_index() == 0:
            checkpoints.save(2, tree)
    return checkpoints.error


def trained(folder, mesh):
    """A training that was stopped and went on, and one that was not."""
    data, calls = made(), []
    every = 1000.0 * jax.process_index()  # it is due for the first, and so for both
    for _ in range(2):
        with resumable(folder, RECIPE, data, 0, every=every, mesh=mesh) as kept:
            start = kept.start and int(kept.start.state.step)
            run = train(
                RECIPE,
                data,
                0,
                mesh=mesh,
                start=kept.start,
                block_every=1,
                on_block=lambda p, k=kept: k.save(p) or calls.append(p) or len(calls) == 3,
            )
    alone = train(RECIPE, data, 0, mesh=mesh)
    return [start, digest(run.params), digest(run.params) == digest(alone.params)]


def main(folder, number, port):
    jaxmlp.processes.join(f"127.0.0.1:{port}", 2, number)
    mesh = jaxmlp.make_mesh("data:1,model:4")
    facts = {each.__name__: each(f"{folder}/{each.__name__}", mesh) for each in (saved, trained)}
    facts["found"] = found(f"{folder}/saved", mesh)
    facts["whole"] = whole(f"{folder}/whole", mesh)
    damage = Path(folder, "saved", "4", "record.json")
    jointly.from_first(lambda: damage.write_text("5"), OSError)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        facts["older"] = [found(f"{folder}/saved", mesh)[0], len(said)]
    try:
        jointly.from_first(lambda: 1 / 0, DamagedError)
    except (ZeroDivisionError, DamagedError) as error:
        facts["failed"] = [type(error).__name__, str(error)]
    print(json.dumps(facts), flush=True)
    jaxmlp.processes.leave()


PROGRAM = """
import sys
import jax
jax.config.update("jax_num_cpu_devices", 2)
sys.path[:0] = ["tests", "tests/storage"]
import test_jointly
test_jointly.main(sys.argv[1], *map(int, sys.argv[2:]))
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """The folder, and the facts of both processes."""
    folder = tmp_path_factory.mktemp("joint")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, folder, str(number), str(port)],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "NPROC": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(2)
    ]
    outputs = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    return folder, [json.loads(out.splitlines()[-1]) for out, _ in outputs]


def test_one_that_a_process_could_not_write_is_none_and_the_next_one_is(ended):
    folder, facts = ended
    first, second = (each["saved"] for each in facts)
    assert first == [None, None, "OSError: process 1: OSError: no space left", None]
    assert second[:2] == second[3:] * 2 == [None, None]
    assert "no space left" in second[2]
    assert steps(folder / "saved") == [2, 4]
    assert not [each for each in os.listdir(folder / "saved") if each.startswith(".")]


def test_each_reads_its_own_parts_and_one_device_reads_all(ended):
    folder, facts = ended
    expected = jax.tree.map(lambda s: np.full(s.shape, 2, s.dtype), like()["state"])
    got = restore(folder / "saved", like()["state"], step=2)
    assert digest(got.tree) == digest(expected)
    step, parts, bits = facts[0]["found"]
    assert facts[1]["found"] == [step, parts, bits]
    assert [step, parts] == [4, [[4, 2]] * 2]
    assert bits == digest(jax.tree.map(lambda leaf: leaf + leaf, expected))


def test_all_pass_over_one_that_is_damaged(ended):
    _, facts = ended
    assert [each["older"] for each in facts] == [[2, 1], [2, 0]]  # and the first says so


def test_an_error_of_the_first_is_one_of_all(ended):
    _, facts = ended
    assert facts[0]["failed"] == ["ZeroDivisionError", "division by zero"]
    assert facts[1]["failed"] == ["DamagedError", "division by zero"]


def test_what_both_have_whole_the_first_saves_alone(ended):
    folder, facts = ended
    assert [each["whole"] for each in facts] == [None, None]
    assert steps(folder / "whole") == [1, 2]
    shapes = {name: jax.ShapeDtypeStruct(s, np.float32) for name, s in SHAPES.items()}
    tree = restore(folder / "whole", shapes).tree
    assert tree["bias"].tolist() == [0, 1, 2]
    assert tree["kernel"].tolist() == [[1, 0], [0, 1]]


def test_a_training_goes_on_in_both_with_the_same_bits(ended):
    folder, facts = ended
    assert facts[0]["trained"] == facts[1]["trained"]
    start, bits, is_same = facts[0]["trained"]
    assert start == 3
    assert is_same
    got = restore(folder / "trained" / "checkpoints", like()).tree["state"]
    assert digest(got.params) == bits


def test_a_process_that_has_all_needs_no_others():
    one = jax.numpy.ones(2)
    assert not jointly.needs_others(one)
    assert not jointly.needs_others(np.ones(2))
    assert jointly.next_place() != jointly.next_place()
