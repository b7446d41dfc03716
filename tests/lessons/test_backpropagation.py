import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lesson_claims import held

import jaxmlp
from experiments.lessons import backpropagation


@pytest.fixture(scope="module")
def gradients():
    """What the equations and JAX make of the lesson's first networks."""
    found = []
    right = backpropagation.both

    def once(*arguments):
        found[:] = found or right(*arguments)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backpropagation, "both", once)
        yield found


@pytest.fixture(scope="module")
def outcome(gradients):
    return backpropagation.teach(seeds=3, depths=(2, 6), width=64)


@pytest.fixture
def measured(monkeypatch, outcome):
    """The costs of 2 and of 6 layers, to be changed, in the place of new ones."""
    costs = np.array([[[10.0, 0.1, 1], [29, 0.3, 3]], [[30.0, 0.1, 3], [89, 0.8, 9]]])
    monkeypatch.setattr(backpropagation, "passes", lambda depth, *_: costs[(depth - 2) // 4])
    monkeypatch.setattr(backpropagation, "draw", lambda *_: outcome.picture)
    return costs


def teach():
    return backpropagation.teach(seeds=3, depths=(2, 6), width=64)


def test_the_equations_are_the_gradient_and_backward_costs_twice_forward(outcome):
    assert held(outcome) == [True, True, True]
    assert outcome.figures["off"] < 1e-6
    assert 1.8 < outcome.figures["ratios"][-1] < 2.1
    layer, grown, alone = outcome.figures["mib"]
    assert layer == 512 * 64 * 4 / 2**20
    assert grown == pytest.approx(layer, rel=0.03)
    assert alone < grown / 4


def test_operations_are_those_of_the_products(outcome):
    columns, rows = outcome.tables["passes"]
    assert columns == [
        "hidden layers",
        *("forward, Mflop", "both, Mflop", "forward, MiB", "both, MiB", "forward, ms", "both, ms"),
        *("backward / forward", "in ms"),
    ]
    depth, forward, both, *_, ratio, slower = rows[0]
    assert slower == outcome.figures["slower"][0].round(2)
    products = 2 * 512 * (64 * 64 + 64 * 64 + 64 * 10) / 1e6
    assert depth == 2
    assert products < forward < 1.15 * products
    assert ratio == pytest.approx(both / forward - 1, abs=0.01)


def test_the_gradient_is_that_of_small_differences():
    model = jaxmlp.mlp((3, 4, 2), jnp.tanh)
    params = model.init(jax.random.key(1))
    x, label = jnp.array([0.5, -1.0, 2.0]), jnp.array(1)
    gradient = backpropagation.backpropagate(params, x, label)
    error = jax.jit(lambda p: jaxmlp.losses.softmax_cross_entropy(model.apply(p, x), label))
    leaves, tree = jax.tree.flatten(params)
    for i, found in enumerate(jax.tree.leaves(gradient)):
        step = np.zeros(leaves[i].shape, np.float32)
        step.flat[1] = 1e-2
        ends = (
            error(tree.unflatten([*leaves[:i], leaves[i] + s, *leaves[i + 1 :]]))
            for s in (step, -step)
        )
        upper, lower = ends
        assert found.ravel()[1] == pytest.approx(float(upper - lower) / 2e-2, abs=1e-3)


def test_the_picture_has_both_gradients_and_the_passes(outcome):
    by_hand, by_jax, off, operations, memory, time = outcome.picture.axes
    assert [panel.get_title() for panel in (operations, memory, time)] == [
        "operations (million)",
        "memory (MiB)",
        "time (ms)",
    ]
    np.testing.assert_allclose(*(a.images[0].get_array() for a in (by_hand, by_jax)), atol=1e-6)
    assert abs(by_hand.images[0].get_array()).max() > 0.01
    assert abs(off.images[0].get_array()).max() < 1
    for panel, (alone, both) in ((operations, (1, 2)), (memory, (3, 4)), (time, (5, 6))):
        lines = {line.get_label(): line.get_ydata()[-1] for line in panel.lines}
        last = outcome.tables["passes"].rows[-1]
        expected = {"forward alone": last[alone], "forward and backward": last[both]}
        assert lines == pytest.approx(expected, abs=0.01)


def test_each_cost_stands_in_its_column(measured):
    row = teach().tables["passes"].rows[1]
    assert row == [6, 30, 89, 0.1, 0.8, 3, 9, round(89 / 30 - 1, 2), 2]


def test_another_gradient_is_found_out(monkeypatch, gradients, measured):
    first, second = gradients[0]
    wrong = first._replace(bias=first.bias * 1.001), second
    monkeypatch.setattr(backpropagation, "both", lambda *_: (wrong, gradients[1]))
    assert held(teach()) == [False, True, True]
    nothing = jax.tree.map(jnp.zeros_like, gradients[1])
    monkeypatch.setattr(backpropagation, "both", lambda *_: (nothing, nothing))
    assert held(teach()) == [False, True, True]


def test_other_operations_and_memory_are_found_out(measured):
    measured[1, 1, 0] = 60  # backward as much as forward
    assert held(teach()) == [True, False, True]
    measured[1, 1, :2] = 89, 0.3  # nothing kept
    assert held(teach()) == [True, True, False]
    measured[1, :, 1] = 0.6, 0.8  # kept without need
    assert held(teach()) == [True, True, False]


@pytest.mark.parametrize("depths", [(4,), (4, 2), (2, 2)])
def test_depths_are_two_or_more_from_few_to_many(depths):
    with pytest.raises(
        ValueError, match="--depths needs two numbers or more, from few to many, got"
    ):
        backpropagation.teach(depths=depths)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"depths": (1, 65)}, "--depths needs at most 64, got 65"),
        ({"width": 5000}, "--width needs at most 4096, got 5000"),
    ],
)
def test_networks_have_a_greatest_size(given, expected):
    with pytest.raises(ValueError, match=f"^{expected}$"):
        backpropagation.teach(**given)
