"""The order of an epoch: a permutation always, and one that statistics cannot tell from chance.

The statistics are of the Feistel branch, with fixed seeds, so that they come out alike each time;
each is compared with its distribution under uniformly random orders, from both sides.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxmlp.training import batches
from jaxmlp.training.batches import SMALL, epoch_order, num_steps, scale_pixels, take_batch

KEY = jax.random.key(0)

near_squares = st.builds(lambda root, off: root**2 + off, st.integers(2, 141), st.integers(-1, 1))


# --- a permutation, and a function of key and epoch


@settings(max_examples=4)
@given(st.one_of(near_squares, st.integers(1, 20_000)), st.integers(0, 2**31 - 1))
@example(1, 0)
@example(2, 0)
@example(SMALL, 0)
@example(SMALL + 1, 0)
def test_an_epoch_visits_every_example_once(num_examples, epoch):
    order = jax.jit(epoch_order, static_argnums=2)(KEY, epoch, num_examples)
    assert order.dtype == jnp.int32
    assert (np.sort(order) == np.arange(num_examples)).all()


@pytest.mark.parametrize("num_examples", [SMALL, SMALL + 1])
def test_orders_differ_by_epoch_and_by_key(num_examples):
    orders = [
        epoch_order(jax.random.key(seed), epoch, num_examples)
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]
    ]
    for i, left in enumerate(orders):
        for right in orders[:i]:
            # two random permutations agree in one place on average
            assert (left == right).sum() < 10


@pytest.mark.parametrize("num_examples", [100, SMALL + 1])
def test_an_order_is_a_function_of_key_and_epoch_compiled_or_not(num_examples):
    order = np.asarray(epoch_order(KEY, 3, num_examples))
    compiled = jax.jit(epoch_order, static_argnums=2)
    assert (order == epoch_order(KEY, 3, num_examples)).all()
    assert (order == compiled(KEY, 3, num_examples)).all()
    many = jax.vmap(lambda epoch: epoch_order(KEY, epoch, num_examples))(jnp.array([7, 3]))
    assert (order == many[1]).all()


# --- the quality of the order

NUM_EXAMPLES = 4097  # just above SMALL, and 16² times 16 + 1: 17 batches of 241
EPOCHS = 500
SIGNIFICANCE = 0.001


def orders_of(num_examples, num_epochs):
    """(epochs, examples) int32, from a program compiled anew."""
    draw = jax.jit(lambda epoch: epoch_order(KEY, epoch, num_examples))
    return np.stack([draw(epoch) for epoch in range(num_epochs)])


def two_sided(distribution, statistic):
    return 2 * min(distribution.cdf(statistic), distribution.sf(statistic))


def p_of_places(orders, num_bins=16):
    """Every example lands in each sixteenth of the epoch equally often."""
    num_epochs, num_examples = orders.shape
    bins = np.argsort(orders, axis=1) * num_bins // num_examples
    cells = np.arange(num_examples) * num_bins + bins
    counts = np.bincount(cells.ravel(), minlength=num_examples * num_bins)
    expected = num_epochs * np.bincount(bins[0], minlength=num_bins) / num_examples
    deviations = (counts.reshape(-1, num_bins) - expected) ** 2 / expected
    # the places of one epoch exclude each other: a table with fixed margins
    statistic = deviations.sum() * (num_examples - 1) / num_examples
    return two_sided(stats.chi2((num_examples - 1) * (num_bins - 1)), statistic)


def p_of_differences(orders, lag):
    """Examples `lag` places apart differ by every number equally often, modulo their number."""
    num_examples = orders.shape[1]
    differences = (orders[:, lag:] - orders[:, :-lag]) % num_examples
    counts = np.bincount(differences.ravel(), minlength=num_examples)[1:]
    statistic = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    return two_sided(stats.chi2(num_examples - 2), statistic)


def p_of_composition(orders, batch_size, num_classes=5):
    """Batches of examples that lie sorted by class have each class as often as chance would."""
    num_epochs, num_examples = orders.shape
    sizes = np.bincount(np.arange(num_examples) * num_classes // num_examples)
    labels = np.repeat(np.arange(num_classes), sizes)[orders]
    labels = labels.reshape(num_epochs, -1, batch_size)
    statistic = 0.0
    for label, size in enumerate(sizes):
        expected = batch_size * size / num_examples
        statistic += (((labels == label).sum(axis=2) - expected) ** 2 / expected).sum()
    degrees = num_epochs * (labels.shape[1] - 1) * (num_classes - 1)
    return two_sided(stats.chi2(degrees), statistic * (num_examples - 1) / num_examples)


def p_of_serial_correlation(orders):
    """An example says nothing of the next one in the epoch."""
    num_epochs, num_examples = orders.shape
    centred = orders - (num_examples - 1) / 2
    products = (centred * np.roll(centred, 1, axis=1)).sum(axis=1)
    correlations = products / (centred[0] ** 2).sum()
    # for a random permutation: mean -1 / (n - 1), variance close to 1 / n
    z = (correlations.mean() + 1 / (num_examples - 1)) * math.sqrt(num_epochs * num_examples)
    return two_sided(stats.norm, z)


def p_of_epoch_correlation(orders):
    """An epoch's order says nothing of the next epoch's."""
    num_examples = orders.shape[1]
    centred = orders - (num_examples - 1) / 2
    correlations = (centred[1:] * centred[:-1]).sum(axis=1) / (centred[0] ** 2).sum()
    return two_sided(stats.norm, correlations.mean() * math.sqrt(len(correlations) * num_examples))


def is_odd(order):
    """Whether a permutation is made of an odd number of swaps: its length less its cycles."""
    num_cycles, seen = 0, np.zeros(len(order), bool)
    for start in range(len(order)):
        num_cycles += not seen[start]
        while not seen[start]:
            seen[start], start = True, order[start]
    return bool((len(order) - num_cycles) % 2)


@pytest.mark.parametrize("num_examples", [4_225, 4_300, 4_356, 4_400])  # 65², 66², and between
def test_odd_orders_are_as_frequent_as_even_ones(num_examples):
    orders = orders_of(num_examples, 80)
    assert (np.sort(orders, axis=1) == np.arange(num_examples)).all()
    odd = sum(map(is_odd, orders))
    assert stats.binomtest(odd, 80).pvalue > SIGNIFICANCE, odd


def test_parity_is_that_of_the_number_of_swaps():
    assert [is_odd(order) for order in ([0, 1, 2], [1, 0, 2], [1, 2, 0])] == [False, True, False]


def p_values(orders, batch_size):
    radix = math.isqrt(orders.shape[1] - 1) + 1
    return {
        "places": p_of_places(orders),
        "neighbours": p_of_differences(orders, 1),
        "a digit apart": p_of_differences(orders, radix),
        "composition": p_of_composition(orders, batch_size),
        "serial correlation": p_of_serial_correlation(orders),
        "epoch correlation": p_of_epoch_correlation(orders),
    }


def test_orders_pass_for_random_permutations():
    values = p_values(orders_of(NUM_EXAMPLES, EPOCHS), batch_size=241)
    assert min(values.values()) > SIGNIFICANCE, values


def test_orders_of_sixty_thousand_pass_for_random_permutations():
    values = p_values(orders_of(60_000, 40), batch_size=240)
    assert min(values.values()) > SIGNIFICANCE, values


def test_the_statistics_pass_orders_by_sorting(monkeypatch):
    monkeypatch.setattr(batches, "SMALL", NUM_EXAMPLES)
    values = p_values(orders_of(NUM_EXAMPLES, EPOCHS), batch_size=241)
    assert min(values.values()) > SIGNIFICANCE, values


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_the_statistics_tell_a_weaker_network_from_chance(monkeypatch, rounds):
    monkeypatch.setattr(batches, "ROUNDS", rounds)
    values = p_values(orders_of(NUM_EXAMPLES, EPOCHS), batch_size=241)
    assert min(values.values()) < 1e-9, values


# --- batches


@given(st.integers(1, 50), st.integers(1, 60))
def test_the_batches_of_an_epoch_hold_every_example_once_in_order(num_examples, batch_size):
    inputs, labels = np.arange(num_examples)[:, None] * 10, np.arange(num_examples)
    order = np.random.default_rng(0).permutation(num_examples)
    seen = []
    for step in range(num_steps(num_examples, batch_size)):
        for given_order, expected in [(None, labels), (order, order)]:
            batch = take_batch(inputs, labels, step, batch_size, given_order)
            counted = expected[step * batch_size : (step + 1) * batch_size]
            assert batch.inputs.shape == (batch_size, 1)
            assert batch.mask.tolist() == [i < len(counted) for i in range(batch_size)]
            assert batch.labels[batch.mask].tolist() == counted.tolist()
            assert (batch.inputs[:, 0] == 10 * batch.labels).all()
        seen += counted.tolist()
    assert sorted(seen) == list(range(num_examples))


@pytest.mark.parametrize(
    ("num_examples", "batch_size", "expected"),
    [(1, 1, 1), (5, 2, 3), (6, 2, 3), (6, 6, 1), (6, 7, 1), (60_000, 256, 235)],
)
def test_a_pass_has_a_step_for_the_ragged_batch_too(num_examples, batch_size, expected):
    assert num_steps(num_examples, batch_size) == expected


def test_pixels_are_scaled_to_one_and_floats_left_alone():
    pixels = np.arange(256, dtype=np.uint8)
    scaled = scale_pixels(pixels)
    assert scaled.dtype == jnp.float32
    np.testing.assert_allclose(scaled, np.arange(256) / 255, rtol=1e-7)
    floats = np.float32([-3.0, 0.5, 255.0])
    assert (scale_pixels(floats) == floats).all()
