"""Modules of nnx in training, against loops as Flax's own guides have them."""

import zlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from flax_modules import Net, batches, inputs_of, losses_of, padded

from jaxmlp import Context, Variables, from_flax, init_state, losses, make_update, to_flax

KEY = jax.random.key(5)


class Told(nnx.Module):
    """Is told whether it trains, and keeps no stream to draw from: it comes with the call."""

    def __init__(self, rngs):
        self.first, self.last = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)
        self.drop = nnx.Dropout(0.5)

    def __call__(self, x, *, train, rngs=None):
        return self.last(self.drop(self.first(x), deterministic=not train, rngs=rngs))


class Needing(Told):
    """Is not called without."""

    def __call__(self, x, rngs, training=False):
        return super().__call__(x, train=training, rngs=rngs)


class Streams(nnx.Module):
    """Has a stream of each name, and numbers that are not trained and do not change."""

    def __init__(self, rngs):
        self.first, self.last = nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 3, rngs=rngs)
        own = nnx.Rngs(dropout=1, other=2)
        self.drop = nnx.Dropout(0.5, rngs=own)
        self.more = nnx.Dropout(0.5, rng_collection="other", rngs=own)
        self.shift = nnx.Variable(jnp.full((1, 4), 2.0))

    def __call__(self, x):
        return self.last(self.more(self.drop(self.first(x - self.shift))))


class Scaled(nnx.BatchNorm):
    """A norm that inherits, and hands on all but a mask of its own."""

    def __call__(self, x, use_running_average=None, *, mask=None):
        return 2.0 * super().__call__(x, use_running_average, mask=mask)


class Masking(nnx.Module):
    """Has a mask of its own: the norm counts what is small."""

    def __init__(self, rngs):
        self.norm, self.last = Scaled(4, rngs=rngs), nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        return self.last(self.norm(x, mask=x < 4.0))


def sequence(rngs):
    layers = nnx.BatchNorm(8, rngs=rngs), nnx.relu, nnx.Dropout(0.5, rngs=rngs)
    return nnx.Sequential(nnx.Linear(4, 8, rngs=rngs), *layers, nnx.Linear(8, 3, rngs=rngs))


def everyone(inputs, key=KEY):
    return Context(key, jnp.ones(len(inputs), bool))


def near(got, expected):
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), got, expected)


def state_of(module):
    return nnx.state(module, nnx.Not(nnx.RngState))


def told_apart(names):
    return {name: jax.random.fold_in(KEY, zlib.crc32(name.encode())) for name in names}


CASES = {
    "dropout and batch norm": (Net, ["default"], {}),
    "a sequence": (sequence, ["default"], {}),
    "told": (Told, ["rngs"], {"train": True}),
    "needing rngs": (Needing, ["rngs"], {"training": True}),
    "streams of its own": (Streams, ["dropout", "other"], {}),
    "a mask of its own": (Masking, [], {}),
}


@pytest.mark.parametrize("name", CASES)
def test_both_modes_are_those_of_flax_and_what_fills_a_batch_changes_nothing(name):
    make, streams, flags = CASES[name]
    model = from_flax(make, jnp.zeros(4))

    @jax.jit
    def both():
        inputs = inputs_of(9)
        more, mask = padded(inputs)
        params = model.init(jax.random.key(0))
        ours, running = model.train(params, inputs, everyone(inputs))
        fuller, same = model.train(params, more, Context(KEY, mask))
        trained = Variables(params.trained, running) if running else params
        evaluated = jax.vmap(model.apply, (None, 0))(trained, inputs)

        module = make(rngs=nnx.Rngs(jax.random.key(0)))
        before = jax.tree.map(jnp.array, state_of(module))
        keys = told_apart(streams)
        drawn = {"rngs": nnx.Rngs(keys.pop("rngs"))} if "rngs" in keys else {}
        none = {"rngs": None} if name == "needing rngs" else {}
        nnx.reseed(module, **keys)
        module.train()
        theirs = module(inputs, **flags, **drawn)
        module.eval()
        expected = module(inputs, **none, **{flag: not on for flag, on in flags.items()})
        after = state_of(module)
        shown = to_flax(model, params), to_flax(model, trained)
        return (
            shown,
            (before, after),
            (ours, theirs),
            (evaluated, expected),
            (fuller, same, running),
        )

    shown, states, training, evaluation, (fuller, same, running) = both()
    near(shown, states)
    near(*training)
    near(*evaluation)
    near((fuller[:9], same), (training[0], running))
    assert np.isfinite(fuller).all()
    assert np.abs(training[0] - evaluation[0]).max() > 0.1
    has_statistics = name not in ("told", "needing rngs", "streams of its own")
    assert model.least_batch == 1 + has_statistics
    assert (running == ()) == (name in ("told", "needing rngs"))
    if name == "streams of its own":
        assert running["shift"].tolist() == [[2.0] * 4]


def test_steps_are_those_of_a_loop_in_flax():
    """Six batches, the last of them ragged; see the twin of linen on the optimizer."""
    optimizer = optax.sgd(0.1, momentum=0.9)
    model = from_flax(Net, jnp.zeros(4))
    params = jax.jit(model.init)(jax.random.key(0))
    update = make_update(model, losses.softmax_cross_entropy, optimizer)
    state = init_state(params, optimizer)
    module = Net(rngs=nnx.Rngs(jax.random.key(0)))
    theirs = nnx.Optimizer(module, optimizer, wrt=nnx.Param)
    module.train()

    @nnx.jit
    def step(module, theirs, inputs, key):
        def loss(module):
            return losses_of(module(inputs), inputs).mean()

        nnx.reseed(module, default=key)
        theirs.update(module, nnx.grad(loss)(module))

    for number, (batch, inputs) in enumerate(batches()):
        state, _ = update(state, batch, KEY)
        key = jax.random.fold_in(KEY, number)
        step(module, theirs, inputs, jax.random.fold_in(key, zlib.crc32(b"default")))
    near(to_flax(model, state.params), state_of(module))
    moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), state.params, params)
    assert moved.trained["layers"][0].pop("bias") < 1e-6
    assert min(jax.tree.leaves(moved)) > 0.01


def test_what_is_drawn_follows_the_key_alone():
    inputs = inputs_of(6)
    model = from_flax(Net, inputs[0])
    init, train = jax.jit(model.init), jax.jit(model.train)
    inits = [init(jax.random.key(seed)) for seed in (1, 1, 2)]
    kernels = [params.trained["last"]["kernel"] for params in inits]
    outputs = [
        train(inits[0], inputs, everyone(inputs, jax.random.key(seed)))[0] for seed in (1, 1, 2)
    ]
    for first, same, other in (kernels, outputs):
        np.testing.assert_array_equal(first, same)
        assert np.abs(first - other).max() > 0.1


class Plain(nnx.Module):
    def __init__(self, rngs):
        self.layers = nnx.Sequential(nnx.Linear(4, 8, rngs=rngs), nnx.relu)

    def __call__(self, x, rngs=None):
        return self.layers(x, rngs=rngs)


def test_what_is_the_same_in_training_needs_no_pass_of_its_own():
    model = from_flax(Plain, jnp.zeros(4))
    assert model.train is None
    assert model.least_batch == 1
    params = model.init(jax.random.key(0))
    assert not isinstance(params, Variables)
    np.testing.assert_allclose(
        model.apply(params, jnp.ones(4)), Plain(nnx.Rngs(jax.random.key(0)))(jnp.ones(4)), rtol=1e-6
    )


class Adding(nnx.Module):
    """Has no mode: it adds noise where it is handed rngs."""

    def __init__(self, rngs):
        self.last = nnx.Linear(4, 3, rngs=rngs)

    def __call__(self, x, rngs=None):
        return self.last(x if rngs is None else x + rngs.normal(x.shape))


def test_what_draws_where_it_is_handed_rngs_has_a_pass_of_its_own():
    assert from_flax(Adding, jnp.zeros(4)).train is not None


def drawing(call):
    """A module with a linear layer, and this call."""

    class Drawing(nnx.Module):
        def __init__(self, rngs):
            self.last, self.rngs = nnx.Linear(4, 3, rngs=rngs), rngs
            self.norm = nnx.BatchNorm(4, axis=0, rngs=rngs)

        __call__ = call

    return Drawing


class Unmasked(nnx.BatchNorm):
    def __call__(self, x):
        return super().__call__(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            drawing(lambda self, x: self.last(x + self.rngs.normal((1, 4)))),
            'module needs to draw nothing in evaluation, got a draw of "default"',
        ),
        (
            drawing(lambda self, x, rngs: self.last(x + rngs.normal((1, 4)))),
            'module needs to draw nothing in evaluation, got a draw of "default"',
        ),
        (
            drawing(lambda self, x, labels: self.last(x)),
            r"from_flax needs a module that is called with a batch alone, got \(x, labels\)",
        ),
        (
            drawing(lambda self, x: self.last(self.norm(x.T).T)),
            "module needs the batch as the first axis of what it normalizes, got the shape",
        ),
        (
            lambda rngs: nnx.Sequential(nnx.Linear(4, 3, rngs=rngs), Unmasked(3, rngs=rngs)),
            "module needs batch norms that take a mask, got Unmasked",
        ),
    ],
)
def test_what_cannot_be_trained_here_is_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        from_flax(make, jnp.zeros(4))
