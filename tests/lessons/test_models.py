import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from lesson_claims import covered, held

import jaxmlp
from experiments.lessons import forms, models

SOME = "layers", "linen class"  # to train


@pytest.fixture(scope="module")
def five():
    return forms.five()


@pytest.fixture(scope="module")
def learnt(five):
    """The runs of some forms, which are trained once."""
    found, learn = {}, models.learn

    def once(name, *rest):
        if name not in found:
            found[name] = learn(name, *rest)
        return found[name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "learn", once)
        patch.setattr(forms, "five", lambda: {name: five[name] for name in SOME})
        yield found


def teach():
    return models.teach(seeds=3, epochs=3)


@pytest.fixture(scope="module")
def outcome(learnt):
    return teach()


@pytest.fixture
def undrawn(monkeypatch, outcome):
    monkeypatch.setattr(models, "draw", lambda *_: outcome.picture)


def test_all_claims_hold(outcome):
    assert held(outcome) == [True] * 6
    assert outcome.claims[0].text.startswith("2 forms have 2,410 parameters each, and outputs")
    assert (outcome.figures["batch"], outcome.figures["steps"]) == (32, 3 * 45)
    assert all(f"{name} " in outcome.claims[4].text for name in forms.DTYPES[1:])
    assert "points" in outcome.claims[4].text
    assert outcome.figures["sums"] == ["44", "0.0", "float32", "float32", "bfloat16"]


def test_the_module_of_flax_is_the_network_too(five, learnt, outcome):
    params = learnt["layers"].member(seed=0).params
    sequence = linen.Sequential([linen.Dense(32), linen.relu, linen.Dense(10)])
    tree = {"params": {f"layers_{2 * i}": layer._asdict() for i, layer in enumerate(params)}}
    inputs = models.load("digits").test_inputs[:5]
    np.testing.assert_allclose(
        sequence.apply(tree, inputs), forms.outputs(five["layers"], _one(params), inputs)[0], 1e-4
    )


def test_the_tables_say_what_the_network_is_made_of(outcome):
    tables = outcome.tables
    assert [row[:2] for row in tables["forms"].rows] == [
        ("layers", "0/kernel"),
        ("linen class", "hidden/bias"),
    ]
    assert tables["tensors"].rows[1:4] == [
        ["kernel", 2, "(64, 32)", "float32", 8192],
        ["bias", 1, "(32,)", "float32", 128],
        ["hidden", 2, "(32, 32)", "float32", 4096],
    ]
    assert tables["tensors"].rows[5] == ["labels", 1, "(32,)", "int32", 128]
    assert tables["tensors"].rows[-1] == ["mean", 0, "()", "float32", 4]
    assert tables["summary"].rows[0][:3] == ["layer_0", "dense, relu", "(32,)"]
    assert [row[4] for row in tables["summary"].rows] == ["2080", "330"]


def test_the_picture_has_a_curve_a_form_a_share_a_dtype_and_the_tensors(outcome):
    curves, apart, cast, inputs, kernel, outputs = outcome.picture.axes
    ends = {line.get_label(): float(line.get_ydata()[-1]) for line in curves.lines}
    assert set(ends) == set(SOME)
    assert ends["layers"] == pytest.approx(ends["linen class"], abs=1e-5)
    assert ends["layers"] < curves.lines[0].get_ydata()[0]
    assert [line.get_label() for line in apart.lines] == [
        "before training",
        "after",
        "between seeds",
    ]
    drawn = [line.get_ydata().tolist() for line in apart.lines[:2]]
    assert drawn == [values[1:] for values in outcome.figures["apart"][:2]]
    assert apart.lines[2].get_ydata()[0] == outcome.figures["apart"][2] > 0.1
    assert not covered(curves)
    assert not covered(apart)
    shares = dict(
        zip((t.get_text() for t in cast.get_xticklabels()), cast.lines[0].get_ydata(), strict=True)
    )
    assert shares["float32"] == pytest.approx(outcome.figures["accuracy"][0].mean, abs=1e-6)
    assert shares["int8"] < 0.3 < 0.7 < shares["int8, scaled"]
    shapes = [a.images[0].get_array().shape for a in (inputs, kernel, outputs)]
    assert shapes == [(32, 64), (64, 32), (32, 10)]
    assert kernel.get_xlabel() == "hidden units"


def test_a_form_that_is_another_network_is_found_out(monkeypatch, undrawn, five):
    def twice(params, inputs):
        return 2 * forms.functional(params, inputs)

    made = {"layers": five["layers"], "linen class": jaxmlp.Model(five["linen class"].init, twice)}
    monkeypatch.setattr(forms, "five", lambda: made)
    assert held(teach()) == [False, *[True] * 5]


def test_other_figures_after_training_are_found_out(monkeypatch, undrawn, learnt):
    runs = learnt["linen class"]
    history = {**runs.history, "test_loss": runs.history["test_loss"] + 1e-3}
    monkeypatch.setitem(learnt, "linen class", runs._replace(history=history))
    assert held(teach()) == [True, False, *[True] * 4]


def test_other_tensors_sums_and_files_are_found_out(monkeypatch, undrawn):
    passage, sums = forms.passage, forms.sums
    monkeypatch.setattr(forms, "passage", lambda *a: passage(*a)._replace(mean=jnp.zeros(1)))
    monkeypatch.setattr(forms, "sums", lambda: {**sums(), "uint8 200 + 100": "300"})
    monkeypatch.setattr(jaxmlp, "load_params", lambda path: {"hidden": jnp.zeros(2)})
    assert held(teach()) == [True, True, False, False, True, False]


@pytest.mark.parametrize(
    "wrong",
    [lambda p, dtype, scale=1: p, lambda p, dtype, scale=1: jax.tree.map(jnp.zeros_like, p)],
)
def test_casts_that_cost_nothing_or_all_are_found_out(monkeypatch, undrawn, wrong):
    monkeypatch.setattr(
        forms, "cast", lambda p, dtype, *scale: p if dtype == "float32" else wrong(p, dtype)
    )
    assert held(teach()) == [True, True, True, True, False, True]


def test_an_interval_needs_two_seeds():
    with pytest.raises(ValueError, match="--seeds needs at least 2, got 1"):
        models.teach(seeds=1)


def _one(params):
    return jax.tree.map(lambda leaf: leaf[None], params)
