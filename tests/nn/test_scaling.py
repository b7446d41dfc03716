import numpy as np
import pytest

from jaxmlp import Scaling
from jaxmlp.nn.scaling import checked_scaling, scaled, unscaled

SCALING = Scaling((1.0, -2.0), (0.5, 4.0))


def test_scaling_is_the_formula_and_unscaling_takes_it_back():
    values = np.float32([2.0, 4.0])
    assert scaled(SCALING, values).tolist() == [2.0, 1.5]
    assert unscaled(SCALING, np.float32([2.0, 1.5])).tolist() == [2.0, 4.0]
    assert scaled(None, values) is values
    assert unscaled(None, values) is values


def test_other_columns_are_refused_rather_than_broadcast():
    with pytest.raises(ValueError, match=r"^inputs needs the shape \(2,\), got \(1,\)$"):
        scaled(SCALING, np.ones(1, np.float32))


def test_scalings_that_are_equal_are_compared_as_such():
    given = checked_scaling("inputs", (np.float64([1, -0.0]), [np.float32(2), 1]), 2)
    assert given == ((1.0, 0.0), (2.0, 1.0))
    assert hash(given) == hash(Scaling((1.0, 0.0), (2.0, 1.0)))
    assert str(given.mean[1]) == "0.0"
    assert checked_scaling("inputs", ((0.1,), (1,))).mean == (float(np.float32(0.1)),)


@pytest.mark.parametrize(
    ("scaling", "columns", "message"),
    [
        (3, None, r"x needs a Scaling\(mean, scale\), got 3"),
        (((1.0,),), None, r"x needs a Scaling\(mean, scale\), got a tuple"),
        (((1.0,), (1.0,)), 2, r"x needs a mean of the shape \(2,\), got \(1,\)"),
        (((1.0, 1.0), (1.0,)), 2, r"x needs a scale of the shape \(2,\), got \(1,\)"),
        (((1.0, 1.0), (1.0,)), None, r"x needs a scale of the shape \(2,\), got \(1,\)"),
        ((1.0, 1.0), None, r"x needs a mean of the shape \(1,\), got \(\)"),
        ((("a",), (1.0,)), None, "x needs numbers as mean, got a tuple"),
        (((1.0, np.nan), (1.0, 1.0)), None, "x needs a mean that is finite, got nan at 1"),
        (((1.0,), (0.0,)), None, "x needs a scale above 0 that is finite, got 0.0 at 0"),
        (((1.0,), (-1.0,)), None, "x needs a scale above 0 .*, got -1.0 at 0"),
        (((1.0,), (np.inf,)), None, "x needs a scale above 0 .*, got inf at 0"),
    ],
)
def test_what_is_no_scaling_is_refused_in_a_line(scaling, columns, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        checked_scaling("x", scaling, columns)
