"""One network on several devices; here there is one, and other processes have more."""

import itertools
import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from compilations import counted
from flax import linen
from jax.sharding import Mesh
from noisy_models import BOTH, NOISY
from row_readers import Rows

from jaxmlp import (
    Dataset,
    Metric,
    Recipe,
    TrainingFault,
    classification,
    digest,
    evaluate,
    from_flax,
    make_mesh,
    mlp,
    predict,
    train,
    warm_up,
    with_mixup,
    with_vat,
)
from jaxmlp.runtime.compilation import compile_all
from jaxmlp.training import shards
from jaxmlp.training.engine import calls_of, shapes_of
from jaxmlp.training.parallel import make_parallel

MESH = Mesh(np.array(jax.devices()[:1]), ("data",))
NETWORKS = {
    "plain": mlp((4, 6, 3)),
    "both": mlp((4, 6, 5, 3), norm="batch", dropout=0.3, input_noise=0.1, noise=0.1, ladder=0.5),
    "own": BOTH,
    "moved": mlp((4, 6, 3), norm="layer", dropout=0.3),
}
TASKS = {NETWORKS["moved"]: with_vat(with_mixup(classification(3), 1.0), 1.0, 0.5)}
# A ladder begins with some slopes that are what rounding leaves of zero: Adam makes steps of that.
OPTIMIZERS = {NETWORKS["both"]: optax.sgd}


COUNTED = Metric(
    "counted",
    accumulate=lambda outputs, label: jax.numpy.ones(2),
    finish=lambda total: total[0],
)


def recipe_of(model, batch_size=16, **more):
    settings = {"learning_rate": 0.01}
    task = TASKS.get(model, classification(3))
    optimizer = OPTIMIZERS.get(model, optax.adam)
    return Recipe(model, task, optimizer, settings, batch_size, 2)._replace(**more)


def all_bits(run):
    return digest((run.params, run.state, run.history))


def made():
    """Data that any process can make."""
    inputs, labels = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 3
    inputs = inputs.astype(np.float32)
    return Dataset(inputs, labels, inputs[:30], labels[:30])


def near(got, expected, within):
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True)
    return all(np.allclose(*pair, rtol=0, atol=within) for pair in pairs)


def apart(got, expected):
    """The largest difference between two trees."""
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True)
    return max(float(np.abs(np.asarray(one) - np.asarray(other)).max()) for one, other in pairs)


def compiled_fast(mesh):
    """What the compiler makes of steps in fast mode."""
    recipe, data = recipe_of(mlp((4, 3))), made()
    fast = make_parallel(mesh, "fast", recipe.model, 16, data.train_inputs)
    run = calls_of(recipe, shapes_of(data), fast)["run"]
    return compile_all({"run": run})["run"].as_text()


@pytest.fixture(scope="module")
def exact(blobs):
    """Runs by network, on one device in exact mode."""
    return {name: train(recipe_of(model), blobs, 0, mesh=MESH) for name, model in NETWORKS.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_ten_steps_are_those_of_one_device_within_rounding(name, exact, blobs):
    alone = train(recipe_of(NETWORKS[name]), blobs, 0)
    assert int(exact[name].state.step) == 8
    assert near(exact[name].params, alone.params, 1e-5)  # Adam's steps make more of rounding
    assert near(exact[name].history, alone.history, 1e-5)
    fast = train(recipe_of(NETWORKS[name]), blobs, 0, mesh=MESH, mode="fast")
    assert near(fast.params, alone.params, 1e-6)


def test_a_gradient_is_that_of_the_weighted_mean_and_sums_are_sums(blobs):
    task = classification(3, class_weights=(1.0, 2.0, 5.0))
    task = task._replace(metrics=(*task.metrics, COUNTED))
    data = blobs._replace(train_weights=np.linspace(0.5, 2, 50).astype(np.float32))
    recipe = recipe_of(mlp((4, 3)), task=task, optimizer=optax.sgd)
    alone, together = train(recipe, data, 1), train(recipe, data, 1, mesh=MESH)
    assert near(together.params, alone.params, 1e-6)
    assert near(together.history, alone.history, 1e-5)


def test_a_line_is_searched_along_the_loss_of_the_whole_batch(blobs):
    recipe = recipe_of(mlp((4, 3)), optimizer=lambda **_: optax.lbfgs(memory_size=2), num_epochs=1)
    alone, together = (train(recipe, blobs, 0, mesh=mesh) for mesh in (None, MESH))
    assert near(together.params, alone.params, 1e-4)


def test_a_step_is_as_long_as_the_loss_of_the_whole_batch_says(blobs):
    recipe = recipe_of(mlp((4, 3)), num_epochs=1)
    recipe = recipe._replace(
        optimizer=lambda **_: optax.polyak_sgd(max_learning_rate=10.0), hyperparameters={}
    )
    alone, together = (train(recipe, blobs, 0, mesh=mesh) for mesh in (None, MESH))
    assert near(together.params, alone.params, 1e-5)


def test_a_part_of_one_example_is_normed_by_the_whole_batch(blobs):
    recipe = recipe_of(mlp((4, 5, 3), norm="batch"), batch_size=8, num_epochs=1)
    alone, together = (train(recipe, blobs, 0, mesh=mesh) for mesh in (None, MESH))
    assert near(together.params, alone.params, 1e-4)


@pytest.mark.parametrize("stop", [3, 4])
def test_bits_are_the_same_where_it_was_stopped_and_goes_on(stop, exact, blobs):
    left = []
    recipe = recipe_of(NETWORKS["both"])
    train(
        recipe,
        blobs,
        0,
        mesh=MESH,
        block_every=1,
        on_block=lambda progress: left.append(progress) or len(left) == stop,
    )
    run = train(recipe, blobs, 0, mesh=MESH, start=left[-1])
    assert all_bits(run) == all_bits(exact["both"])


def test_a_fault_is_located(blobs):
    inputs = blobs.train_inputs.copy()
    inputs[7, 2] = np.inf
    with pytest.raises(TrainingFault, match="row 7 of the training set are not finite"):
        train(recipe_of(mlp((4, 3))), blobs._replace(train_inputs=inputs), 0, mesh=MESH)


class Linen(linen.Module):
    @linen.compact
    def __call__(self, inputs, train):
        return linen.Dropout(0.5, deterministic=not train)(linen.Dense(3)(inputs))


LINEN = from_flax(Linen(), np.zeros(4, np.float32))
TWO = Mesh(np.array(jax.devices()[:1] * 2).reshape(1, 2), ("data", "member"))


@pytest.mark.parametrize(
    ("recipe", "mesh", "mode", "said"),
    [
        (recipe_of(NOISY), None, "exact", "mode needs a mesh, .* got exact and no mesh"),
        (recipe_of(NOISY), "data", None, r"mesh needs to be like jaxmlp.make_mesh\(.*, got 'data'"),
        (recipe_of(NOISY), TWO, None, 'mesh needs all .* "data" and .*, got data:1, member:2'),
        (recipe_of(NOISY), MESH, "plain", "mode needs to be exact or fast, got plain"),
        (recipe_of(NOISY, 20), MESH, None, "batch_size needs to be a multiple of 8 .*, got 20"),
        (recipe_of(LINEN), MESH, None, "exact mode needs a network whose train is made by lift"),
    ],
)
def test_what_cannot_be_divided_is_refused_before_any_work(recipe, mesh, mode, said, blobs):
    for work in (lambda *given, **options: train(*given, 0, **options), warm_up):
        with pytest.raises(ValueError, match=said):
            work(recipe, blobs, mesh=mesh, mode=mode)


def test_an_axis_of_one_device_changes_nothing(exact, blobs):
    run = train(recipe_of(NETWORKS["plain"]), blobs, 0, mesh=make_mesh("member:1,data:1"))
    assert all_bits(run) == all_bits(exact["plain"])


def test_batches_of_a_multiple_of_the_devices_are_for_fast_mode():
    three = Mesh(np.array(jax.devices()[:1] * 3), ("data",))  # enough to be looked at
    model, inputs = mlp((4, 3)), np.zeros((50, 4), np.float32)
    assert make_parallel(three, "fast", model, 15, inputs).mode == "fast"
    with pytest.raises(ValueError, match="a multiple of 3 on 3 devices in fast mode, got 16"):
        make_parallel(three, "fast", model, 16, inputs)
    with pytest.raises(ValueError, match="exact mode needs 1, 2, 4 or 8 devices, got 3"):
        make_parallel(three, "exact", model, 24, inputs)


QUICK = ("both", "exact", True), ("plain", "fast", False)


@pytest.mark.parametrize(
    ("name", "mode", "is_weighted"),
    [
        each if each in QUICK else pytest.param(*each, marks=pytest.mark.slow)
        for each in itertools.product(["plain", "both"], ["exact", "fast"], [False, True])
    ],
)
def test_bits_are_those_of_all_in_memory_where_data_are_read_in_windows(
    name, mode, is_weighted, blobs
):
    recipe, weights = recipe_of(NETWORKS[name]), np.linspace(0.5, 2, 50).astype(np.float32)
    data = blobs._replace(train_weights=weights) if is_weighted else blobs
    read = data._replace(**{half: Rows(getattr(data, half)) for half in Dataset._fields[:4]})
    whole = train(recipe, data, 0, mesh=MESH, mode=mode)
    for window in (1, 900):  # one batch, or two
        run = train(recipe, read, 0, mesh=MESH, mode=mode, window=window)
        assert all_bits(run) == all_bits(whole)


def test_what_is_warmed_up_is_not_compiled_again(blobs):
    recipe = recipe_of(mlp((4, 7, 3)))
    warm_up(recipe, blobs, mesh=MESH)
    with counted() as seen:
        train(recipe, blobs, 0, mesh=MESH)
    assert seen == []
    warm_up(recipe, blobs, mesh=MESH, window=100)
    with counted() as seen:
        train(recipe, blobs, 0, mesh=MESH, window=100)
    assert seen == []


def test_a_network_in_fast_mode_may_be_anyones(blobs):
    recipe = recipe_of(LINEN)
    alone, together = train(recipe, blobs, 0), train(recipe, blobs, 0, mesh=MESH, mode="fast")
    assert near(together.params, alone.params, 1e-5)


def told(mesh, names):
    """A line a network that is trained on a mesh: its bits in memory, in windows and in use."""
    data, told = made(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "BATCH", 2)  # of the four examples of a part in testing
        for name in names:
            recipe, read = recipe_of(NETWORKS[name]), Dataset(*map(Rows, data[:4]))
            run = train(recipe, data, 0, mesh=mesh)
            assert len(jax.tree.leaves(run.params)[0].devices()) == mesh.size
            in_windows = train(recipe, read, 0, mesh=mesh, window=1)
            # All 50 are looked at first; then a process reads its own in each of two epochs.
            processes = jax.process_count()
            compared = 16 if processes > 1 else 0
            assert read.train_inputs.count <= 50 + compared + 2 * 4 * 16 // processes
            assert read.test_inputs.count <= 30 + compared + 2 * 32 // processes
            worth = evaluate(recipe, run.params, *data[2:4], mesh=mesh)
            said = predict(recipe, run.params, data.test_inputs, mesh=mesh)
            bits = all_bits(run), all_bits(in_windows), digest((worth, said))
            told.append(" ".join((name, *bits)))
    return told


def refuse_far(names):
    """Asserts that ten steps in fast mode, on two and on all devices, are those of one of them."""
    data, gentle = made(), {"learning_rate": 1e-3}
    few = data._replace(train_inputs=data[0][:16], train_labels=data[1][:16])
    for name in {"plain", "both"} & set(names):
        recipe = recipe_of(NETWORKS[name], 8, num_epochs=5, hyperparameters=gentle)
        alone = train(recipe, few, 0)
        for count in {2, jax.device_count()}:
            fast = train(recipe, few, 0, mesh=make_mesh(f"data:{count}"), mode="fast")
            assert int(fast.state.step) == 10
            assert apart(fast.params, alone.params) <= 1e-6, (name, count)


PROGRAM = """
import sys
import jax
processes, devices, number, port = map(int, sys.argv[1:5])
names = sys.argv[5:]
jax.config.update("jax_num_cpu_devices", devices)
if processes > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(f"127.0.0.1:{port}", processes, number)
sys.path[:0] = ["tests", "tests/training"]
import test_parallel as here
mesh = jax.make_mesh((processes * devices,), ("data",))
if devices > 1:  # in fast mode it is the compiler that divides the work and adds the parts
    assert "all-reduce" in here.compiled_fast(mesh)
if processes == 1 and devices == 8:
    here.refuse_far(names)
print(*here.told(mesh, names), sep="\\n")
"""


def runs_on(counts, names):
    """What processes print that train networks on so many processes, of so many devices each."""
    started = []
    for processes, devices in counts:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        started += [
            subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    PROGRAM,
                    *map(str, (processes, devices, number, port)),
                    *names,
                ],
                cwd=Path(__file__).parents[2],
                env={**os.environ, "NPROC": "8"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(processes)
        ]
    ended = [process.communicate(timeout=600) for process in started]
    assert [process.returncode for process in started] == [0] * len(started), ended
    outputs = [out.splitlines() for out, _ in ended]
    return [[line for line in lines if not line.startswith("[Gloo]")] for lines in outputs]


ALL = [(1, 1), (1, 2), (1, 4), (1, 8), (2, 1), (2, 2), (4, 1)]


@pytest.mark.parametrize(
    ("counts", "names"),
    [
        ([(1, 8)], ["both"]),
        ([(2, 1)], ["moved"]),
        pytest.param(ALL, [*NETWORKS], marks=pytest.mark.slow),
    ],
)
def test_bits_do_not_depend_on_the_number_of_devices_or_processes(counts, names):
    here = told(MESH, names)
    assert [line.split()[0] for line in here] == names
    assert all(line.split()[1] == line.split()[2] for line in here)  # in windows, or not
    outputs = runs_on(counts, names)
    assert outputs == [here] * len(outputs)
