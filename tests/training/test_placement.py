"""One network whose layers are divided among devices; another process has eight of them."""

import functools
import json
import tempfile
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest
from collective_bytes import collectives
from eight_devices import printed
from jax.sharding import Mesh, PartitionSpec

from jaxmlp import (
    Dataset,
    Recipe,
    classification,
    digest,
    evaluate,
    load,
    mlp,
    optimizers,
    predict,
    resumable,
    save,
    train,
    warm_up,
    with_precision,
    with_sharded,
)
from jaxmlp.optim.averages import averaged
from jaxmlp.runtime.compilation import compile_all
from jaxmlp.runtime.memory import num_bytes
from jaxmlp.training.engine import calls_of, shapes_of
from jaxmlp.training.parallel import here, make_parallel
from jaxmlp.training.placement import has_layers_within, held, kept, parts_of, put, shardings

NETWORKS = {
    "plain": with_sharded(mlp((8, 16, 32, 3))),
    "neighbours": with_sharded(mlp((8, 16, 32, 3)), (0, 1)),
    "both": with_sharded(mlp((8, 16, 24, 32, 3), norm="batch", dropout=0.3, input_noise=0.1)),
    "layer": with_sharded(mlp((8, 16, 32, 3), norm="layer")),
    "bfloat16": with_precision(with_sharded(mlp((8, 16, 32, 3))), "bfloat16"),
}
MESHES = {
    "plain": (4, 2),
    "neighbours": (1, 4),
    "both": (2, 4),
    "layer": (2, 2),
    "bfloat16": (1, 8),
}
QUICK = ("neighbours", "both")  # columns or pairs; whatever else a network may have
NAMES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS]
AVERAGED = functools.partial(optimizers.regularized(optax.adam), average=0.9)


def recipe_of(model, **more):
    settings = {"learning_rate": 0.001}
    recipe = Recipe(model, classification(3), optax.adam, settings, batch_size=16, num_epochs=2)
    return recipe._replace(**more)


def made():
    inputs, labels = np.random.default_rng(0).normal(size=(80, 8)), np.arange(80) % 3
    inputs = inputs.astype(np.float32)
    return Dataset(inputs, labels, inputs[:30], labels[:30])


def mesh_of(data, model):
    devices = np.array(jax.devices()[: data * model])
    return Mesh(devices.reshape(data, model), ("data", "model"))


def apart(got, expected):
    """The largest difference, as a share of the largest number of its array."""
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True)
    pairs = [[np.asarray(leaf, np.float64) for leaf in pair] for pair in pairs]
    return max(np.abs(a - b).max() / max(np.abs(b).max(), 1e-30) for a, b in pairs)


def parts(run):
    """The shapes of what a device has of the kernels, and of Adam's means of their gradients."""
    layers = getattr(run.params, "trained", run.params), run.state.opt_state[0].mu
    return [[each.kernel.addressable_shards[0].data.shape for each in tree] for tree in layers]


def of_network(name, folder):
    recipe, data, mesh = recipe_of(NETWORKS[name]), made(), mesh_of(*MESHES[name])
    alone, run = train(recipe, data, 0), train(recipe, data, 0, mesh=mesh)
    save(f"{folder}/{name}.npz", recipe.model, run.params, recipe.task)
    loaded = load(f"{folder}/{name}.npz")
    figures = [
        list(evaluate(recipe, params, data.test_inputs, data.test_labels).values())
        for params in (alone.params, run.params)
    ]
    together = {"mesh": mesh, "mode": "fast"}
    held_out = data.test_inputs, data.test_labels
    figures += [list(evaluate(recipe, run.params, *held_out, **together).values())]
    figures += [list(evaluate(recipe, run.params, *held_out, window=100, **together).values())]
    answers = [predict(recipe, params, data.test_inputs) for params in (alone.params, run.params)]
    answers += [predict(recipe, run.params, data.test_inputs, **together)]
    streamed = train(recipe, data, 0, mesh=mesh, window=500)
    return {
        "steps": int(run.state.step),
        "params": apart(run.params, alone.params),
        "history": apart(run.history, alone.history),
        "figures": max(apart(each, figures[0]) for each in figures),
        "answers": max(apart(each, answers[0]) for each in answers),
        "streamed": apart(streamed.params, alone.params),
        "parts": parts(run),
        "places": [len(leaf.devices()) for leaf in jax.tree.leaves(here(run.params))],
        "loaded": [digest(loaded.params) == digest(run.params), str(loaded.model)],
    }


def of_the_start():
    """The initial state on a mesh, and the bits of that on one device."""
    found = []
    for shape in ((2, 4), (1, 1)):
        left = []
        train(
            recipe_of(
                NETWORKS["both"], optimizer=optax.sgd, hyperparameters={"learning_rate": 0.0}
            ),
            made(),
            5,
            mesh=mesh_of(*shape),
            mode="fast",
            block_every=1,
            on_block=lambda progress, left=left: left.append(progress) or True,
        )
        found.append(digest(left[0].state.params.trained))
    return found


def of_averages():
    recipe = recipe_of(NETWORKS["plain"], optimizer=AVERAGED, eval_params=averaged)
    alone, run = (train(recipe, made(), 0, mesh=mesh) for mesh in (None, mesh_of(2, 2)))
    return [apart(run.params, alone.params), str(run.params[0].kernel.sharding.spec)]


def of_stops(folder):
    """A training that is stopped, and goes on with layers divided as before, or otherwise."""
    recipe, data = recipe_of(NETWORKS["both"]), made()
    runs = []
    for name, before, after in (("same", (2, 4), (2, 4)), ("other", (2, 4), (4, 2))):
        calls = []
        for mesh in (before, after):
            with resumable(f"{folder}/{name}", recipe, data, 0, every=0) as saved:
                run = train(
                    recipe,
                    data,
                    0,
                    mesh=mesh_of(*mesh),
                    start=saved.start,
                    block_every=1,
                    on_block=lambda p, s=saved, c=calls: s.save(p) or c.append(p) or len(c) == 3,
                )
        runs.append(run)
    whole = train(recipe, data, 0, mesh=mesh_of(2, 4))
    return [digest(runs[0].params) == digest(whole.params), apart(runs[1].params, whole.params)]


def exchanged(sizes, layers, shape, batch=16):
    """What a compiled step sends: [kind, bytes, devices], but for the step's means."""
    recipe = recipe_of(with_sharded(mlp(sizes), layers), batch_size=batch)
    data = Dataset(np.zeros((64, sizes[0]), np.float32), np.arange(64) % 3)
    parallel = make_parallel(mesh_of(*shape), "fast", recipe.model, batch, data.train_inputs)
    run = calls_of(recipe, shapes_of(data), parallel)["run"]
    found = collectives(compile_all({"run": run})["run"].as_text())
    return sorted([each.kind, each.size, each.devices] for each in found if each.size > 8)


def main(*names):
    with tempfile.TemporaryDirectory() as folder:
        facts = {name: of_network(name, folder) for name in names or QUICK}
        if names:
            return print(json.dumps(facts))
        facts["start"], facts["averages"] = of_the_start(), of_averages()
        facts["stops"] = of_stops(folder)
    facts["pair"] = exchanged((8, 16, 32, 3), None, (2, 4))
    facts["two pairs"] = exchanged((8, 16, 24, 32, 3), None, (2, 2))
    facts["columns"] = exchanged((8, 16, 32, 3), (0, 1), (1, 4))
    print(json.dumps(facts))


@functools.cache
def found_by_eight(*names):
    """What a process of eight devices finds of networks; of the quick ones, and all that is not
    of one network alone, where none is named."""
    program = "import test_placement; test_placement.main(*sys.argv[1:])"
    return json.loads(printed(program, "training", *names)[-1])


def facts_of(name):
    return (found_by_eight() if name in QUICK else found_by_eight(name))[name]


@pytest.fixture(scope="module")
def facts():
    return found_by_eight()


@pytest.mark.parametrize("name", NAMES)
def test_ten_steps_are_those_of_one_device_within_rounding(name):
    found = facts_of(name)
    assert found["steps"] == 10
    within = 1e-3 if name == "bfloat16" else 1e-6
    for what in ("params", "history", "figures", "answers", "streamed"):
        assert found[what] <= within, what


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("plain", [[8, 8], [8, 32], [32, 3]], marks=pytest.mark.slow),
        ("neighbours", [[8, 4], [16, 8], [8, 3]]),
        ("both", [[8, 4], [4, 24], [24, 8], [8, 3]]),
    ],
)
def test_a_device_has_a_part_of_kernels_and_of_what_the_optimizer_keeps(name, expected):
    assert facts_of(name)["parts"] == [expected] * 2


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_is_whole_and_loads_on_one_device(name):
    assert facts_of(name)["loaded"] == [True, str(NETWORKS[name])]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_of_which_some_are_divided_stay_together(name):
    assert set(facts_of(name)["places"]) == {np.prod(MESHES[name])}


def test_a_start_has_the_same_bits_however_it_is_divided(facts):
    assert facts["start"][0] == facts["start"][1]


def test_averages_are_divided_as_what_they_are_of(facts):
    difference, spec = facts["averages"]
    assert difference <= 1e-6
    assert spec == "P(None, 'model')"


def test_it_goes_on_where_it_was_stopped_and_on_another_mesh(facts):
    is_same, difference = facts["stops"]
    assert is_same
    assert difference <= 1e-6


def test_what_is_exchanged_is_what_was_computed(facts):
    """The sums of a pair of kernels, of 4 bytes; and the gradients of what a device has."""
    pair = 8 * 4 + 4 + 4 * 32 + 32 + 32 * 3 + 3  # of parameters, on each of four devices
    assert facts["pair"] == sorted([["all-reduce", 4 * 8 * 32, 4], ["all-reduce", 4 * pair + 8, 2]])
    two = 8 * 8 + 8 + 8 * 24 + 24 + 24 * 16 + 16 + 16 * 3 + 3
    outputs, behind = [4 * 8 * 24, 4 * 8 * 3], 4 * 8 * 24  # forward; and back, to the second pair
    assert facts["two pairs"] == sorted(
        ["all-reduce", size, 2] for size in (*outputs, behind, 4 * two + 8)
    )
    assert [each[0] for each in facts["columns"]] == ["all-gather", "all-reduce", "all-reduce"]


ONE = Mesh(np.array(jax.devices()[:1]).reshape(1, 1), ("data", "model"))


def repeated(data, model, names=("data", "model")):
    """A mesh to be looked at."""
    return Mesh(np.array(jax.devices()[:1] * (data * model)).reshape(data, model), names)


@pytest.mark.parametrize(
    ("mesh", "mode", "model", "said"),
    [
        (repeated(2, 2), "exact", "plain", "exact mode needs whole layers .* with model:2: what"),
        (repeated(2, 2), None, mlp((8, 16, 3)), "a mesh with model:2 needs a network that jaxmlp"),
        (repeated(1, 3), None, "plain", "hidden layer 0 needs a multiple of 3 units .*, got 16"),
        (repeated(3, 2), None, "plain", "batch_size needs to be a multiple of 3 on 3 devices in"),
        (
            repeated(2, 2, ("data", "row")),
            None,
            "plain",
            "mesh needs all .*, got data:2, row:2",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_before_any_work(mesh, mode, model, said):
    recipe = recipe_of(NETWORKS.get(model, model) if isinstance(model, str) else model)
    for work in (lambda *given, **options: train(*given, 0, **options), warm_up):
        with pytest.raises(ValueError, match=said):
            work(recipe, made(), mesh=mesh, mode=mode)


def test_an_axis_of_one_is_none_and_axes_come_in_any_order():
    inputs, model = made().train_inputs, NETWORKS["plain"]
    assert make_parallel(ONE, None, model, 16, inputs).mode == "exact"
    assert make_parallel(ONE, None, model, 16, inputs).mesh.axis_names == ("data",)
    turned = make_parallel(repeated(4, 2, ("model", "data")), None, model, 16, inputs)
    assert turned.mode == "fast"
    assert dict(turned.mesh.shape) == {"data": 2, "model": 4}
    only = Mesh(np.array(jax.devices() * 2), ("model",))
    assert dict(make_parallel(only, None, model, 15, inputs).mesh.shape) == {"data": 1, "model": 2}


def test_what_belongs_to_no_parameter_is_whole():
    mesh, model = repeated(1, 4), NETWORKS["plain"]
    state = {"mu": model.init(jax.random.key(0)), "count": np.int32(0), "0": {"kernel": np.ones(4)}}
    found = shardings(mesh, model, state)
    assert found["mu"][1].kernel.spec == PartitionSpec("model", None)
    assert found["mu"][1].bias.spec == found["count"].spec == PartitionSpec()
    assert found["0"]["kernel"].spec == PartitionSpec()
    memories = {"0": {"kernel": np.ones((5, 8, 16))}}  # of several gradients, as L-BFGS has them
    spec = shardings(mesh, model, memories)["0"]["kernel"].spec
    assert spec == PartitionSpec(None, None, "model")
    assert parts_of(mesh) == 4
    assert parts_of(Mesh(np.array(jax.devices()), ("data",))) == 1


@pytest.mark.parametrize(
    ("axes", "owners", "expected"),
    [
        (("data", "model"), [[0, 0], [1, 1]], True),
        (("data", "model"), [[0, 1], [0, 1]], False),
        (("model", "data"), [[0, 1], [0, 1]], True),
        (("data", "other"), [[0, 1], [0, 1]], True),
    ],
)
def test_a_layer_is_within_a_process_or_it_is_not(axes, owners, expected):
    devices = np.array([[SimpleNamespace(process_index=owner) for owner in row] for row in owners])
    shape = dict(zip(axes, devices.shape, strict=True))
    mesh = SimpleNamespace(devices=devices, axis_names=axes, shape=shape)
    assert has_layers_within(mesh) is expected


def test_each_device_needs_memory_for_its_part_alone():
    mesh, model = repeated(1, 4), with_sharded(mlp((1000, 10**6, 1000)))
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    assert num_bytes(held(mesh, model, shapes)) == num_bytes(shapes) // 4 + 3000
    with pytest.raises(ValueError, match="hidden layer 0 needs a multiple of 3 units"):
        held(repeated(1, 3), model, shapes)


def test_keys_are_put_and_kept_as_they_are():
    model, tree = NETWORKS["plain"], {"key": jax.random.key(1), "sum": np.float32(2)}
    got = put(tree, shardings(ONE, model, tree))
    assert got["key"] == tree["key"]
    assert got["sum"].sharding.mesh == ONE
    assert jax.jit(lambda tree: kept(ONE, model, tree))(got)["key"] == tree["key"]
