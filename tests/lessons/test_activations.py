import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lesson_claims import held

from experiments.lessons import activations


@pytest.fixture(scope="module")
def outcome():
    return activations.teach()


def test_ranges_and_slopes_are_as_stated(outcome):
    assert held(outcome) == [True, True, True, True]
    assert outcome.figures["steepest"]["sigmoid"] == 0.25
    assert outcome.figures["steepest"]["leaky_relu"] == 1.0
    assert outcome.figures["left"]["relu"].tolist() == [1.0] * 10
    columns, rows = outcome.tables["activations"]
    assert columns[1:] == ["range", "of derivative", "steepest", "left by 10 layers"]
    rows = {row[0]: row[1:] for row in rows}
    assert rows["sigmoid"] == ["(0, 1)", "(0, 0.25]", "0.25", "3.9e-07"]
    assert rows["gelu"] == ["[-0.171, inf)", "[-0.130, 1.130]", "1.129", "3"]
    assert rows["silu"] == ["[-0.279, inf)", "[-0.100, 1.100]", "1.1", "2.4"]
    assert rows["relu"] == ["[0, inf)", "{0, 1}", "1", "1"]
    assert list(rows) == [
        *("step", "sign", "identity", "sigmoid", "tanh", "relu", "leaky_relu", "softplus", "elu"),
        *("gelu", "silu"),
    ]


def test_derivatives_are_those_of_the_textbook():
    sigmoid = 1 / (1 + np.exp(-activations.X))
    x = activations.X
    for name, expected in {
        "sigmoid": sigmoid * (1 - sigmoid),
        "tanh": 1 - np.tanh(x) ** 2,
        "softplus": sigmoid,
        "silu": sigmoid * (1 + x * (1 - sigmoid)),
        "elu": np.where(x > 0, 1, np.exp(x)),
    }.items():
        np.testing.assert_allclose(activations.slope(name, x), expected, atol=2e-6, err_msg=name)


def test_layers_leave_what_the_gradient_of_their_composition_is():
    def sigmoids(x):
        return jax.nn.sigmoid(jax.nn.sigmoid(jax.nn.sigmoid(x)))

    expected = jax.vmap(jax.grad(sigmoids))(activations.X).max()
    assert activations.left("sigmoid", 3)[2] == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("stated", "values", "is_so"),
    [
        ("{0, 1}", [0, 1, 1], True),
        ("{0, 1}", [0, 0.5, 1], False),
        ("{0, 1}", [0, 0], False),
        ("(0, 1]", [0.001, 1], True),
        ("(0, 1]", [0, 1], False),
        ("(0, 1]", [0.001, 1.001], False),
        ("[0, 1)", [0, 0.999], True),
        ("[0, 1)", [0, 1], False),
        ("[0, 1)", [-0.001, 0.999], False),
        ("[0, 1]", [0, 0.9], False),
        ("[0, 1]", [0.1, 1], False),
        ("[-1, 1]", [-0.9, 1], False),
        ("[0, inf)", [0, 6], True),
        ("[0, inf)", [0, 1], False),
        ("(-inf, inf)", [-6, 6], True),
        ("(-inf, inf)", [0, 6], False),
    ],
)
def test_a_range_holds_what_is_in_it_and_comes_to_its_ends(stated, values, is_so):
    assert activations.is_range(stated, np.float32(values)) is is_so


def test_a_number_of_layers_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(activations, "slope", None)
    with pytest.raises(ValueError, match="^--layers needs at most 200, got 201$"):
        activations.teach(layers=201)


def test_the_picture_says_which_line_is_the_derivative(outcome):
    sigmoid, last = (outcome.picture.axes[i] for i in (3, 11))
    assert [panel.get_title() for panel in outcome.picture.axes[:11]] == list(activations.RANGES)
    assert [panel.lines[0].get_ydata()[-1].round(3) for panel in outcome.picture.axes[:4]] == [
        *(1, 1, 6, 0.998)
    ]
    function, derivative = (line.get_ydata() for line in sigmoid.lines)
    assert [function[600], derivative[600]] == [0.5, 0.25]
    assert [line.get_label() for line in sigmoid.lines] == ["f(x)", "f ′(x)"]
    ends = {line.get_label(): line.get_ydata()[-1] for line in last.lines}
    assert ends["sigmoid"] < 1e-6 < ends["relu"] == 1 < ends["silu"]


def test_claims_fail_where_a_derivative_is_none(monkeypatch, outcome):
    monkeypatch.setattr(activations, "draw", lambda *_: outcome.picture)
    monkeypatch.setattr(activations, "slope", lambda name, x: np.full_like(x, 0.5))
    assert held(activations.teach()) == [False] * 4


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("sigmoid", lambda x: 1 / (1 + jnp.exp(-1.5 * x)), [False, True, False, True]),
        ("sign", jnp.tanh, [False, True, True, False]),
        ("step", jax.nn.sigmoid, [False, True, True, False]),
    ],
)
def test_another_function_behind_a_name_is_found_out(monkeypatch, outcome, name, other, expected):
    monkeypatch.setattr(activations, "draw", lambda *_: outcome.picture)
    monkeypatch.setattr(activations.activations, name, other)
    assert held(activations.teach()) == expected
