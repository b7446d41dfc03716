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
    still, left, right = np.zeros((4, 2, 2)), (-1.0356, 0), (0.9601, 0)
    apart = np.array([left, left, right, right])[:, None]
    rolled = np.array([left, left, right, left])[:, None]
    races = {
        "bowl": {"sgd": (0.1, 1e-3, still.copy()), "momentum": (0.1, 1e-6, still)},
        "wells": {"sgd": (0.1, 1.0, apart), "momentum": (0.1, 1.0, rolled)},
    }
    monkeypatch.setattr(descent, "MINIMA", dict.fromkeys(races))
    monkeypatch.setattr(descent, "race", lambda surface, steps: dict(races[surface]))
    monkeypatch.setattr(descent, "draw", lambda *_: outcome.picture)
    monkeypatch.setattr(descent, "Table", lambda *_: outcome.tables["surfaces"])
    return races


def test_all_claims_hold_and_the_first_weight_is_as_by_hand(outcome):
    assert held(outcome) == [True] * 6
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
    race = surfaces.walks("wells", "momentum", [10**-1.5], surfaces.STARTS, 150)[0]
    loss = surfaces.SURFACES["wells"](race[:, -1].T).mean()
    assert rows[1][3:5] == ["0.032", f"{loss:.2g}"]
    first, rates, *three, noise = outcome.picture.axes
    assert first.lines[1].get_xdata().tolist() == pytest.approx([0.53, 1.23])
    swings = {line.get_label(): line.get_ydata()[:3] - 1.405 for line in rates.lines}
    for share in (0.1, 0.3, 0.9, 1.1):
        expected = -0.875 * (1 - 2 * share) ** np.arange(3)
        assert swings[f"{share} · 2 / L"] == pytest.approx(expected, abs=1e-5)
    names = ["bowl", "wells", "valley"]
    assert [panel.get_title().split(",")[0] for panel in three] == [f"the {n}" for n in names]
    x, y = np.meshgrid(np.linspace(-2.1, 2.1, 150), np.linspace(-1.5, 2.1, 150))
    for panel, name in zip(three, names, strict=True):
        (contours,) = panel.collections
        assert contours.zmax == pytest.approx(
            np.log(surfaces.SURFACES[name]([x, y]) + 0.5).max(), 1e-5
        )
    walks = {line.get_label(): line.get_xydata() for line in three[1].lines}
    np.testing.assert_allclose(walks["momentum"], race[0], atol=1e-5)
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
    distance, which = surfaces.off("wells", np.array([[[-1.0356, 0.3], [0.9601, 0]]]))
    assert distance == pytest.approx(0.3, 1e-3)
    assert which.tolist() == [[0, 1]]


def test_claims_fail_where_the_rate_is_another_and_none_shifts(monkeypatch, hurried):
    monkeypatch.setattr(descent, "LIMIT", 2 * descent.LIMIT)
    monkeypatch.setattr(descent, "RATE", 0.2)
    monkeypatch.setattr(schedules, "step_decay", schedules.constant)
    hurried["wells"]["sgd"][2][2:] = hurried["wells"]["sgd"][2][0]  # all in one
    hurried["bowl"]["sgd"][2][1, -1] = 0.1, 0.1
    hurried["bowl"]["momentum"] = (0.1, 2e-4, hurried["bowl"]["sgd"][2])
    assert held(descent.teach(steps=150, seeds=4)) == [False] * 6


def test_one_well_for_each_optimizer_or_the_same_for_all_is_found_out(hurried):
    first, second = (hurried["wells"][name][2] for name in ("sgd", "momentum"))
    second[:] = first
    assert held(descent.teach(steps=150, seeds=4)) == [True, True, True, False, True, True]
    first[:], second[:] = first[0], first[2]
    assert held(descent.teach(steps=150, seeds=4)) == [True, True, True, False, True, True]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"steps": 1}, "--steps needs at least 2, got 1"),
        ({"steps": 20_000}, "--steps needs at most 10000, got 20000"),
        ({"noise": 1e30}, r"--noise needs at most 100, got 1e\+30"),
    ],
)
def test_what_makes_no_sense_is_said_before_any_work(given, expected):
    with pytest.raises(ValueError, match=f"^{expected}$"):
        descent.teach(**given)
