import numpy as np
import pytest
from measured_once import FAULT, population

from jaxmlp import Metric
from jaxmlp.populations.join import join


def test_runs_of_different_seeds_are_joined():
    first = population({"width": (8, 16), "seed": (0, 1)}, [[1, 2], [3, 4]], faults=[(1, 0)])
    second = population(
        {"width": (8, 16), "seed": (5, 6, 7)}, [[5, 6, 7], [8, 9, 10]], [(0, 2)], first=100.0
    )
    second = second._replace(states=(None, *second.states), places=second.places + np.int32([1, 0]))
    second = second._replace(share_of_work=0.5)
    third = population({"width": (8, 16), "seed": (9,)}, [[0], [1]], [(1, 0)], first=200.0)
    joined = join([first, second, third])
    assert joined.axes == {"width": (8, 16), "seed": (0, 1, 5, 6, 7, 9)}
    assert joined.final("m").tolist() == [[1, 2, 5, 6, 7, 0], [3, 4, 8, 9, 10, 1]]
    assert joined.params[..., 0].tolist() == [
        [0, 1, 100, 101, 102, 200],
        [2, 3, 103, 104, 105, 201],
    ]
    assert joined.member(width=16, seed=6).params == [104]
    assert joined.faults == {(1, 0): FAULT, (0, 4): FAULT, (1, 5): FAULT}
    assert joined.stopped_at.tolist() == [[1] * 6] * 2
    assert joined.share_of_work == (2 + 0.5 * 3 + 1) / 6
    assert joined.places.dtype == np.int32


def test_what_is_known_of_the_metrics_is_kept_once():
    told = Metric("m", is_share=True)
    parts = [ONE._replace(metrics=(told,)), TWO._replace(metrics=(told,))]
    assert join(parts).metrics == (told,)
    assert join([ONE, TWO._replace(metrics=(told,))]).metric("m") == told


def test_seeds_need_not_be_the_last_axis():
    parts = [
        population({"seed": seeds, "width": (8, 16)}, np.add.outer(seeds, [0, 10]), faults)
        for seeds, faults in (((0, 1), [(1, 1)]), ((2,), [(0, 1)]))
    ]
    joined = join(parts)
    assert joined.final("m").tolist() == [[0, 10], [1, 11], [2, 12]]
    assert joined.faults == {(1, 1): FAULT, (2, 1): FAULT}
    assert list(joined.axes) == ["seed", "width"]


ONE, TWO = (population({"width": (8,), "seed": (seed,)}, [seed]) for seed in (1, 2))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "join needs runs, got none"),
        ([ONE, TWO.select(seed=2)], "join needs an axis seed, got width"),
        ([ONE, TWO, ONE], "join needs every seed once, got 1 twice"),
        (
            [ONE, population({"width": (9,), "seed": (2,)}, [2])],
            r"join needs the same other axes, got {'width': \(8,\), .*} and {'width': \(9,\), .*}",
        ),
        (
            [ONE, population({"seed": (2,), "width": (8,)}, [2])],
            r"join needs the same other axes, got {'width': .*} and {'seed': .*}",
        ),
        (
            [ONE, TWO._replace(history={"n": TWO.history["m"]})],
            "join needs the same metrics and epochs, got {'m': 1} and {'n': 1}",
        ),
        (
            [ONE, TWO._replace(history={"m": np.zeros((1, 1, 3), np.float32)})],
            "join needs the same metrics and epochs, got {'m': 1} and {'m': 3}",
        ),
    ],
)
def test_runs_that_do_not_belong_together_are_not_joined(parts, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        join(parts)
