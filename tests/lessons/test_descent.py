import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from lesson_claims import held

from experiments.lessons import descent, surfaces
from jaxmlp import schedules


@pytest.fixture(scope="module")
def outcome():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(surfaces, "NAMES", ("sgd", "momentum"))
        yield descent.teach(steps=150, seeds=4)


@pytest.fixture
def hurried(monkeypatch, outcome):
    """What takes long is taken from the outcome: the race, and the picture."""
    still, apart = np.zeros((4, 2, 2)), np.array([[[x, 0]] for x in (-1.0356, 0.9601)])
    races = {
        "bowl": {"sgd": (0.1, 1e-3, still.copy()), "momentum": (0.1, 1e-6, still)},
        "wells": {"sgd": (0.1, 1.0, apart), "momentum": (0.1, 1.0, apart)},
    }
    monkeypatch.setattr(descent, "MINIMA", dict.fromkeys(races))
    monkeypatch.setattr(descent, "race", lambda surface, steps: dict(races[surface]))
    monkeypatch.setattr(descent, "draw", lambda *_: outcome.picture)
    monkeypatch.setattr(descent, "Table", lambda *_: outcome.tables["surfaces"])
    return races


def test_all_claims_hold_and_the_first_weight_is_as_by_hand(outcome):
    assert held(outcome) == [True] * 5
    assert outcome.figures["slopes"] == pytest.approx([-7, 7], abs=1e-5)
    assert outcome.figures["after"].tolist() == pytest.approx([1.23, 1.58], abs=1e-5)
    assert outcome.claims[0].text == (
        "at w = 0.53 the slope is -7, so w grows to 1.23; at 2.28 it is 7, so w falls to 1.58"
    )


def test_what_is_found_stands_in_the_table_and_the_picture(outcome):
    columns, rows = outcome.tables["surfaces"]
    assert columns[:3] == ["optimizer", "bowl: rate", "bowl: loss"]
    assert [row[:2] for row in rows] == [["sgd", "0.032"], ["momentum", "0.01"]]
    assert float(rows[1][2]) == pytest.approx(outcome.figures["bowl"][1], rel=0.05)
    first, rates, _, wells, *_, noise = outcome.picture.axes
    assert first.lines[1].get_xdata().tolist() == [0.53, 1.23]
    swings = {line.get_label(): line.get_ydata()[:3] - 1.405 for line in rates.lines}
    for share in (0.1, 0.3, 0.9, 1.1):
        expected = -0.875 * (1 - 2 * share) ** np.arange(3)
        assert swings[f"{share} · 2 / L"] == pytest.approx(expected, abs=1e-5)
    assert wells.get_title() == "the wells"
    ends = {line.get_label(): line.get_ydata()[-1] for line in noise.lines}
    assert ends["shifted"] < ends["held high"] < ends["held low"]


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_walks_are_those_of_the_textbook(name):
    w, speed, expected = np.array([-1.5, 1.0]), np.zeros(2), []
    for _ in range(3):
        gradient = w * [1, 50]
        speed = 0.9 * speed + gradient
        w = w - 0.01 * (gradient + 0.9 * speed if name == "nesterov" else speed)
        expected.append(w)
    found = surfaces.walks("bowl", name, [0.01], surfaces.STARTS[:1], 3)[0, 0]
    np.testing.assert_allclose(found, [surfaces.STARTS[0], *expected], rtol=1e-5)


def test_noise_is_added_to_the_gradient():
    noise = jnp.array([[1.0, 0.0], [0.0, 2.0]])
    found = surfaces.walk("bowl", optax.sgd(0.1), jnp.zeros(2), noise)
    np.testing.assert_allclose(found, [[0, 0], [-0.1, 0], [-0.09, -0.2]], atol=1e-7)


def test_the_minima_are_where_the_slope_is_0_and_the_curvature_is_not_negative():
    for surface, places in surfaces.MINIMA.items():
        for place in places:
            w = jnp.array(place, jnp.float32)
            assert jax.grad(surfaces.SURFACES[surface])(w).tolist() == pytest.approx(
                [0, 0], abs=1e-5
            )
            assert np.linalg.eigvalsh(jax.hessian(surfaces.SURFACES[surface])(w)).min() > 0
    assert surfaces.off("wells", np.array([[-1.0356, 0.3], [0.9601, 0]])) == pytest.approx(
        (0.3, 2), 1e-3
    )
    assert surfaces.off("wells", np.array([[0.96, 0.0], [0.9601, 0]]))[1] == 1


def test_claims_fail_where_the_rate_is_another_and_none_shifts(monkeypatch, hurried):
    monkeypatch.setattr(descent, "LIMIT", 2 * descent.LIMIT)
    monkeypatch.setattr(descent, "RATE", 0.2)
    monkeypatch.setattr(schedules, "step_decay", schedules.constant)
    hurried["wells"]["sgd"][2][1] = hurried["wells"]["sgd"][2][0]  # all in one
    hurried["bowl"]["momentum"] = (0.1, 2e-4, hurried["bowl"]["sgd"][2])
    assert held(descent.teach(steps=150, seeds=4)) == [False] * 5


def test_walks_that_end_beside_the_minimum_are_found_out(hurried):
    hurried["bowl"]["sgd"][2][1, -1] = 0.1, 0.1
    assert held(descent.teach(steps=150, seeds=4)) == [True, True, False, True, True]


@pytest.mark.parametrize("given", [{"seeds": 1}, {"steps": 1}])
def test_an_interval_needs_two_seeds_and_an_end_two_steps(given):
    with pytest.raises(ValueError, match="seeds and steps need to be at least 2, got"):
        descent.teach(**given)
