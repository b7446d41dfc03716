import numpy as np
import pytest

from experiments.lessons import outliers

SHARES = 0, 0.2


@pytest.fixture(scope="module")
def points():
    return outliers.scattered(60, SHARES, 10.0)  # of the shape that the lesson's test compiles for


def test_points_lie_on_the_line_and_the_share_above_it(points):
    x, y = points
    assert x.shape == y.shape == (2, 60, 50)
    assert abs(x).max() <= 1
    rest = y - outliers.SLOPE * x - outliers.BIAS
    assert (rest > 5).sum(axis=-1).tolist() == [[0] * 60, [10] * 60]
    assert rest[0].std() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(rest[1, :, :10], rest[0, :, :10] + 10, atol=1e-5)


def test_the_squared_error_gives_the_least_squares_line(points):
    lines = outliers.fit(outliers.ERRORS["squared"], *points)
    rows = zip(*points, strict=True)
    expected = [[np.polyfit(a, b, 1) for a, b in zip(*row, strict=True)] for row in rows]
    np.testing.assert_allclose(lines, expected, atol=2e-3)


@pytest.mark.parametrize("name", ["absolute", "Huber"])
def test_at_the_lines_of_the_others_the_pulls_balance(points, name):
    lines = np.asarray(outliers.fit(outliers.ERRORS[name], *points))
    x, y = points
    rest = y - lines[..., :1] * x - lines[..., 1:]
    pull = np.sign(rest) if name == "absolute" else rest.clip(-1, 1)
    balance = np.array([pull.sum(axis=-1), (pull * x).sum(axis=-1)])
    # A line by the absolute error goes through two of the points, which may pull either way.
    assert abs(balance).max() < (4 if name == "absolute" else 0.1)  # of 50
    assert abs(balance).mean() < 0.5


def test_how_far_a_line_is_off_is_the_root_of_the_mean_square():
    assert outliers.off(np.array([[[2.0, 1.0], [2.0, 1.5], [5.0, 1.0]]])).tolist() == [
        pytest.approx([0, 0.5, 3**0.5], abs=1e-6)
    ]
