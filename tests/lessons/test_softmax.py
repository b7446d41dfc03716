import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lesson_claims import held
from scipy.special import softmax as reference

import jaxmlp
from experiments.lessons import softmax
from jaxmlp.nn.activations import sigmoid


@pytest.fixture(scope="module")
def logits():
    """In the place of what trained networks make of digits."""
    return np.random.default_rng(0).normal(scale=4, size=(3, 40, 10)).astype(np.float32)


@pytest.fixture
def teach(monkeypatch, logits):
    monkeypatch.setattr(softmax, "learn", lambda seeds: logits[:seeds])
    return lambda: softmax.teach(seeds=3, temperatures=(0.5, 1, 4))


def test_softmax_overflows_as_it_is_written_and_changes_no_order(teach, logits):
    outcome = teach()
    assert held(outcome) == [True, True, True, True]
    # exp(-88 + 0) is below float32's smallest, 1 / (e^87 + e^86 + e^85) too, and e^89 beyond it.
    kinds = [("NaN", "-1000"), ("wrong", "-89"), ("right", "-87"), ("all 0", "85"), ("NaN", "87")]
    assert outcome.tables["written"].rows == kinds
    assert "it is NaN from -1000, wrong from -89, right from -87" in outcome.claims[0].text
    assert outcome.figures["off"] < 1e-6
    cold, *_, hot = outcome.figures["sure"]
    assert cold.mean == pytest.approx(reference(logits / 0.5, axis=2).max(2).mean(), rel=1e-5)
    assert hot.mean == pytest.approx(reference(logits / 4, axis=2).max(2).mean(), rel=1e-5)
    several, answers, values = outcome.tables["units"].rows
    assert several[0] == "one of several"
    assert answers == ["yes or no, twice", "0.018", "0.98"]  # 1 / (1 + exp(4))
    assert values == ["two values", "-4", "4"]
    # 8 of 17 outputs a side are above 0, which sigmoids take to more than 1/2.
    assert outcome.figures["twice"] == [0.0, (8 / 17) ** 2, pytest.approx((7 / 17) ** 2)]
    assert outcome.tables["temperature"].rows[2] == [4, hot.text(".1%")]


def test_naive_is_softmax_where_it_does_not_overflow():
    few = jnp.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(softmax.naive(few), reference(few), rtol=1e-6)
    assert np.isnan(softmax.naive(few + 100)).any()


def test_heat_divides_logits():
    logits = np.array([[4.0, 0.0]], np.float32)
    np.testing.assert_allclose(softmax.heated(logits, 2)[0, 0], sigmoid(2.0), rtol=1e-6)


def test_order_is_that_of_all_classes():
    logits = np.array([[3.0, 1.0, 2.0]])
    assert softmax.is_ordered(logits, np.array([[0.5, 0.2, 0.3]]))
    assert softmax.is_ordered(logits, np.array([[1.0, 0.0, 0.0]]))
    assert not softmax.is_ordered(logits, np.array([[0.5, 0.3, 0.2]]))


def test_networks_learn_the_digits(monkeypatch):
    digits = softmax.sources.load("digits")
    few = digits._replace(test_inputs=digits.test_inputs[:60], test_labels=digits.test_labels[:60])
    monkeypatch.setattr(softmax.sources, "load", lambda name: few)
    found = softmax.learn(2)
    assert found.shape == (2, 60, 10)
    assert (found.argmax(axis=2) == few.test_labels).mean() > 0.85
    assert not np.array_equal(found[0], found[1])


def test_the_picture_shows_where_softmax_fails_and_what_each_task_puts_out(teach):
    overflow, sure, units = teach().picture.axes
    stable, written = overflow.lines
    assert stable.get_label() == "maximum subtracted"
    assert np.ptp(stable.get_ydata()) < 1e-6
    assert np.isnan(written.get_ydata()).any()
    assert [text.get_text() for text in sure.get_xticklabels()] == ["0.5", "1", "4"]
    cold, _, hot = sure.lines[0].get_ydata()
    assert cold > 0.8 > 0.6 > hot
    assert [panel.get_ylabel() for panel in (overflow, sure, units)] == [
        *("the first", "highest probability", "the second")
    ]
    keys = [text.get_text() for text in units.figure.legends[0].texts]
    assert keys == ["two values", "yes or no, twice", "one of several"]
    by_task = {line.get_label(): np.array(line.get_data()) for line in units.lines}
    np.testing.assert_allclose(by_task["one of several"].sum(axis=0), 1, rtol=1e-6)
    assert by_task["two values"].max() == 4


def test_claims_fail_where_the_link_is_another(monkeypatch, teach):
    naive = jax.vmap(softmax.naive)
    wrong = softmax.DIGITS._replace(link=lambda z: naive(z) if z.ndim == 2 else -jnp.abs(z))
    monkeypatch.setattr(softmax, "DIGITS", wrong)
    assert held(teach()) == [False, False, False, True]


def test_a_claim_fails_where_yes_or_no_has_softmax(monkeypatch, teach):
    monkeypatch.setitem(softmax.TASKS, "yes or no, twice", jaxmlp.classification(2))
    assert held(teach()) == [True, True, True, False]


def test_a_claim_fails_where_softmax_as_it_is_written_is_right(monkeypatch, teach):
    monkeypatch.setattr(softmax, "naive", softmax.DIGITS.link)
    assert held(teach()) == [False, True, True, True]


def test_values_stay_as_they_are():
    outputs = softmax.TASKS["two values"].link(softmax.PLANE)
    assert np.array_equal(outputs, softmax.PLANE)


def test_a_claim_fails_where_one_temperature_changes_the_order(monkeypatch, teach):
    heated = softmax.heated
    turned = lambda z, t: heated(z, t)[..., ::-1] if t == 4 else heated(z, t)  # noqa: E731
    monkeypatch.setattr(softmax, "heated", turned)
    assert held(teach()) == [True, True, False, True]


def test_softmax_belongs_to_one_of_several():
    assert softmax.TASKS["one of several"].link is jax.nn.softmax
    assert isinstance(softmax.RECIPE, jaxmlp.Recipe)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seeds": 1}, "--seeds needs at least 2, got 1"),
        ({"temperatures": (0, 1)}, "--temperatures needs two .* from 0.001 to 1000, got 0,1"),
        ({"temperatures": (1, 0, 3)}, "--temperatures needs two .*, got 1,0,3"),
        ({"temperatures": (1,)}, "--temperatures needs two .*, got 1"),
        ({"temperatures": (1, 1001)}, "--temperatures needs two .*, got 1,1001"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        softmax.teach(**wrong)
