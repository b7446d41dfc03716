import numpy as np
import pytest
import scipy.optimize

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
    np.testing.assert_allclose(lines, expected, atol=1e-4)


def test_the_absolute_error_is_as_small_as_a_linear_program_makes_it(points):
    lines = np.asarray(outliers.fit(outliers.ERRORS["absolute"], *points))
    x, y = (values[1, :5].astype(float) for values in points)
    rests, identity = y - lines[1, :5, :1] * x - lines[1, :5, 1:], np.eye(50)
    for rest, a, b in zip(rests, x, y, strict=True):
        costs, free = [0, 0, *[1] * 100], [(None, None)] * 2 + [(0, None)] * 100
        equal = np.c_[a, np.ones(50), identity, -identity]
        best = scipy.optimize.linprog(costs, A_eq=equal, b_eq=b, bounds=free).fun
        assert abs(rest).sum() == pytest.approx(best, rel=1e-3)


def test_at_hubers_line_the_pulls_balance(points):
    lines = np.asarray(outliers.fit(outliers.ERRORS["Huber"], *points))
    x, y = points
    pull = (y - lines[..., :1] * x - lines[..., 1:]).clip(-1, 1)
    assert abs(pull.sum(axis=-1)).max() < 0.1
    assert abs((pull * x).sum(axis=-1)).max() < 0.1


def test_how_far_a_line_is_off_is_the_root_of_the_mean_square():
    assert outliers.off(np.array([[[2.0, 1.0], [2.0, 1.5], [5.0, 1.0]]])).tolist() == [
        pytest.approx([0, 0.5, 3**0.5], abs=1e-6)
    ]
