"""Programs are compiled once, side by side, for JAX's configuration as it is."""

import functools
import threading

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from compilations import counted

from jaxmlp import (
    Batch,
    Dataset,
    Recipe,
    classification,
    digest,
    init_state,
    make_update,
    mlp,
    predict,
    train,
    train_many,
)
from jaxmlp.runtime import compilation, memory
from jaxmlp.runtime.compilation import Call, call, compile_all, default_device, shape_of

ADAM = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.05}, 16, 2)


def new_function():
    """One that nobody has compiled."""

    @functools.partial(jax.jit, static_argnums=0)
    def scaled(factor, tree):
        return jax.tree.map(lambda leaf: factor * leaf, tree)

    return scaled


def test_a_program_is_compiled_once_for_each_shape_and_static_argument():
    function, device = new_function(), default_device()
    tree = {"a": np.ones(3, np.float32)}
    with counted() as seen:
        for factor, size in ((2.0, 3), (3.0, 3), (2.0, 4), (2.0, 3)):
            values = np.arange(size, dtype=np.float32)
            assert call(function, (factor,), {"a": values})["a"].tolist() == (
                (factor * values).tolist()
            )
    assert len(seen) == 3
    told = []
    calls = {n: Call(function, (2.0,), (tree,), device) for n in "xy"}
    calls["z"] = Call(function, (5.0,), (tree,), device)
    with counted() as seen:
        made = compile_all(calls, lambda *done: told.append(done))
    assert len(seen) == 1
    assert told == [(1, 2), (2, 2)]
    assert made["x"] is made["y"]
    assert made["z"](tree)["a"].tolist() == [5] * 3


def precision_of(text):
    return {line.partition("precision = [")[2].partition(",")[0] for line in text if "dot" in line}


@pytest.mark.parametrize(
    ("configured", "expected"), [(None, "HIGHEST"), ("tensorfloat32", "HIGH"), ("float32", None)]
)
def test_what_says_nothing_multiplies_in_float32_on_every_device(configured, expected):
    """A GPU's own default is TF32, and a TPU's bfloat16; what JAX is told by its user holds."""
    function = jax.jit(lambda x: x @ x)
    shape = jax.ShapeDtypeStruct((2, 2), jnp.float32)
    with jax.default_matmul_precision(configured):
        text = compilation._lower(Call(function, (), (shape,), default_device())).as_text()
        update = make_update(
            lambda params, x: x @ params, lambda outputs, label: outputs.sum(), optax.sgd(0.1)
        )
        state = init_state(jnp.ones((4, 3)), optax.sgd(0.1))
        step = update.lower(state, Batch(jnp.ones((5, 4)), jnp.zeros(5, int))).as_text()
    assert precision_of(text.splitlines()) == precision_of(step.splitlines())
    assert precision_of(text.splitlines()) == {expected or "HIGHEST"}
    assert jax.config.jax_default_matmul_precision is None


def test_programs_are_compiled_beside_each_other(monkeypatch):
    monkeypatch.setattr(compilation.os, "cpu_count", lambda: 2)
    together = threading.Barrier(2)
    lower = compilation._lower

    def waiting(each):
        lowered = lower(each)

        class Lowered:
            def compile(self):
                together.wait(timeout=60)
                return lowered.compile()

        return Lowered()

    monkeypatch.setattr(compilation, "_lower", waiting)
    function, tree = new_function(), np.ones(2, np.float32)
    calls = {factor: Call(function, (factor,), (tree,), default_device()) for factor in (2.0, 3.0)}
    assert {factor: made(tree).tolist() for factor, made in compile_all(calls).items()} == {
        2.0: [2, 2],
        3.0: [3, 3],
    }


def test_what_fails_is_tried_again(monkeypatch):
    class Broken:
        def compile(self):
            raise RuntimeError("no room")

    function = new_function()
    with monkeypatch.context() as patch:
        patch.setattr(compilation, "_lower", lambda each: Broken())
        with pytest.raises(RuntimeError, match="no room"):
            call(function, (2.0,), np.ones(2))
    assert call(function, (2.0,), np.ones(2)).tolist() == [2, 2]


def test_an_interrupt_ends_what_has_not_begun_and_it_may_be_asked_for_again(monkeypatch):
    monkeypatch.setattr(compilation.os, "cpu_count", lambda: 1)
    function = new_function()
    calls = {n: Call(function, (n,), (np.ones(1),), default_device()) for n in range(1, 6)}

    lower, begun, may_go_on = compilation._lower, [], threading.Event()

    def watched(each):
        lowered = lower(each)

        class Lowered:
            def compile(self):
                begun.append(each.static)
                assert len(begun) == 1 or may_go_on.wait(timeout=60)
                return lowered.compile()

        return Lowered()

    def interrupt(done, count):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(compilation, "_lower", watched)
        with pytest.raises(KeyboardInterrupt):
            compile_all(calls, interrupt)
    may_go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("compile"):
            thread.join(timeout=60)
    assert len(begun) <= 2  # the one that was done, and one under way
    again = compile_all(calls)
    assert [again[n](np.ones(1, np.float32)).tolist() for n in calls] == [[n] for n in calls]


def test_few_programs_are_kept(monkeypatch):
    monkeypatch.setattr(compilation, "_compiled", type(compilation._compiled)())
    monkeypatch.setattr(compilation, "MOST", 2)
    lower, lowered = compilation._lower, []

    def watched(each):
        lowered.append(each.static[0])
        return lower(each)

    monkeypatch.setattr(compilation, "_lower", watched)
    function = new_function()
    for factor in (1.0, 2.0, 1.0, 3.0, 1.0, 3.0, 2.0):  # the 3 sends away the 2
        call(function, (factor,), np.ones(1))
    assert lowered == [1, 2, 3, 2]


def test_inside_of_a_traced_function_it_is_an_ordinary_call():
    function = new_function()
    found = jax.vmap(jax.jit(lambda x: call(function, (2.0,), x)))(jnp.arange(3.0))
    assert found.tolist() == [0, 2, 4]


def test_shapes_have_the_dtypes_of_jax():
    assert shape_of([1.5]).dtype == np.float32
    assert shape_of(np.zeros((2, 3), np.uint8)) == jax.ShapeDtypeStruct((2, 3), np.uint8)
    assert shape_of(jax.random.key(0)).dtype == jax.random.key(0).dtype
    with jax.enable_x64(True):
        assert shape_of(np.zeros(2)).dtype == np.float64


# --- JAX's configuration

CONTEXTS = {
    "threefry_partitionable": lambda: jax.threefry_partitionable(False),
    "enable_x64": lambda: jax.enable_x64(True),
    "default_prng_impl": lambda: jax.default_prng_impl("rbg"),
}


@pytest.mark.parametrize("name", ["threefry_partitionable", "enable_x64", "default_prng_impl"])
@pytest.mark.parametrize("way", ["context", "update"])
def test_a_member_has_its_solo_bits_whatever_the_configuration(name, way, blobs):
    """Whether it is local to a context, or changes between calls."""
    before = jax.config.values[f"jax_{name}"]
    usual = digest(train(ADAM, blobs, 1).state)
    if way == "context":
        with CONTEXTS[name]():
            alone, runs = train(ADAM, blobs, 1), train_many(ADAM, blobs, [0, 1])
    else:
        value = {"threefry_partitionable": False, "enable_x64": True, "default_prng_impl": "rbg"}
        jax.config.update(f"jax_{name}", value[name])
        try:
            alone, runs = train(ADAM, blobs, 1), train_many(ADAM, blobs, [0, 1])
        finally:
            jax.config.update(f"jax_{name}", before)
    member = runs.member(seed=1)
    assert digest(member.state) == digest(alone.state)
    assert digest(member.history) == digest(alone.history)
    if name == "threefry_partitionable":
        assert digest(alone.state) != usual  # it does matter
    if name == "default_prng_impl":
        assert digest(alone.state) == usual  # the generator has a name of its own
    assert digest(train(ADAM, blobs, 1).state) == usual
    again = train_many(ADAM, blobs, [1]).member(seed=1)
    assert digest(again.state) == usual


def test_float64_inputs_are_trained_on_where_jax_has_them(blobs):
    data = blobs._replace(train_inputs=blobs.train_inputs.astype(np.float64))
    data = data._replace(test_inputs=blobs.test_inputs.astype(np.float64))
    with jax.enable_x64(True):
        alone, runs = train(ADAM, data, 1), train_many(ADAM, data, [0, 1])
        assert predict(ADAM, alone.params, data.test_inputs).dtype == np.float64
    assert digest(runs.member(seed=1).state) == digest(alone.state)
    assert digest(runs.member(seed=1).history) == digest(alone.history)
    assert alone.history["test_loss"].dtype == np.float32
    usual = train(ADAM, blobs, 1)
    np.testing.assert_allclose(alone.history["test_loss"], usual.history["test_loss"], rtol=1e-4)


def test_parameters_in_float64_are_trained_in_float64(blobs):
    def init(key):
        return {"w": jax.random.normal(key, (4, 3), np.float64), "b": jnp.zeros(3, np.float64)}

    model = ADAM.model._replace(init=init, apply=lambda p, x: x @ p["w"] + p["b"])
    recipe = ADAM._replace(model=model)
    with jax.enable_x64(True):
        alone, runs = train(recipe, blobs, 1), train_many(recipe, blobs, [0, 1])
    assert alone.params["w"].dtype == np.float64
    assert digest(runs.member(seed=1).state) == digest(alone.state)
    assert digest(runs.member(seed=1).history) == digest(alone.history)


def trainings(widths):
    """Bits of networks of so many hidden units, each a handful of programs of its own."""
    x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    data = Dataset(x, np.arange(20) % 3)
    recipes = [ADAM._replace(model=mlp((4, width, 3))) for width in widths]
    return [digest(train(recipe, data, 0).params) for recipe in recipes]


counts_maps = pytest.mark.skipif(
    not memory.maps_taken(), reason="only Linux counts a process's memory maps"
)


@counts_maps
def test_what_fills_the_memory_maps_is_let_go_of(monkeypatch):
    trainings([31])
    before = memory.maps_taken()
    monkeypatch.setattr(compilation, "_left", before)
    found = trainings(range(32, 40))
    needed = memory.maps_taken() - before
    assert needed > 500 / memory.most_maps()
    monkeypatch.setattr(compilation, "ROOM", needed / 4)
    monkeypatch.setattr(compilation, "_left", 0.0)
    trainings([41])
    least, most = memory.maps_taken(), 0.0
    for width in range(42, 58):
        trainings([width])
        most = max(most, memory.maps_taken() - least)
    assert most < needed  # which is half of what these would need
    assert trainings(range(32, 40)) == found


@counts_maps
def test_nobody_is_refused_for_what_was_let_go_of_since(monkeypatch):
    before = memory.maps_taken()
    found = trainings(range(62, 66))
    monkeypatch.setattr(compilation, "_left", 1.0)  # as if a population had held all of them
    monkeypatch.setattr(compilation, "FULL", (before + memory.maps_taken()) / 2)
    trainings([66])
    monkeypatch.undo()
    assert trainings(range(62, 66)) == found


@counts_maps
def test_more_programs_than_a_process_can_have_are_refused(monkeypatch):
    monkeypatch.setattr(compilation, "FULL", 0.0)
    expected = r"at most [\d,]+ memory maps \(vm.max_map_count\).* expected fewer programs .*, got"
    with pytest.raises(ValueError, match=expected):
        trainings([61])
    monkeypatch.undo()
    trainings([61])
