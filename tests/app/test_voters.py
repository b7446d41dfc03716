"""Which networks answer, and what their outputs are called."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments import sweep
from experiments.app.voters import Voters, members, no_and_yes, odd, words_of
from jaxmlp.types import Dense

assert sweep  # which has the flags of many networks

AXES = {"learning_rate": ["0.1", "0.01"], "fold": ["0", "1"], "seed": ["3", "4"]}


def asked(task, size, **more):
    return Voters({"task": task, "sizes": [4, size], **more}, [], [], [])


def test_all_members_are_asked_in_the_order_of_the_axes():
    found = members(AXES, None)
    assert len(found) == 8
    assert found[0] == {"learning_rate": 0.1, "fold": 0, "seed": 3}
    assert found[1] == {"learning_rate": 0.1, "fold": 0, "seed": 4}
    assert found[-1] == {"learning_rate": 0.01, "fold": 1, "seed": 4}


@pytest.mark.parametrize("text", ["seed=4,learning_rate=1e-2", " learning_rate=0.010, seed=4"])
def test_some_are_asked_by_their_values_however_they_are_written(text):
    assert members(AXES, text) == [
        {"learning_rate": 0.01, "fold": fold, "seed": 4} for fold in (0, 1)
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed=5", "--member needs seed to be one of 3, 4, got 5"),
        ("l2=1", "--member needs some of learning_rate, fold, seed, got l2"),
        ("fold=-1", "--member needs one whole number as fold, got -1"),
    ],
)
def test_what_is_no_member_is_one_line(text, said):
    with pytest.raises(ValueError, match=f"^{said}$"):
        members(AXES, text)


def test_many_values_are_not_all_listed():
    axes = {"seed": [str(number) for number in range(30)]}
    with pytest.raises(ValueError, match=r"one of 0, 1, .*, 19, \.\.\., got 30$"):
        members(axes, "seed=30")


def test_outputs_are_called_by_what_is_known_of_them():
    assert asked("classification", 3).names == ["0", "1", "2"]
    assert asked("binary", 1).names == ["0", "1"]
    assert asked("multilabel", 2).names == ["0", "1"]
    assert asked("regression", 2).names == ["0", "1"]
    named = {"class_names": ["no", "yes"]}
    assert asked("binary", 1, **named).names == ["no", "yes"]
    table = {"table": {"target": ["price"]}}
    assert asked("regression", 1, **table).names == ["price"]
    assert asked("classification", 2, **named, **table).names == ["no", "yes"]
    are_named = [asked("binary", 1, **more).are_named for more in ({}, named, table)]
    assert are_named == [False, True, True]


def test_questions_have_the_words_of_the_tables_columns():
    columns = [{"kind": "boolean", "words": ["nein", "ja"]}, {"kind": "boolean"}]
    made = Voters({"sizes": [3, 2]}, [], [], [{"target": {"columns": columns}}])
    assert words_of(made) == [["nein", "ja"], ("0", "1")]
    assert words_of(made._replace(preparations=[])) == []
    assert words_of(made._replace(preparations=[{"target": {}}])) == []
    assert words_of(made._replace(config={"sizes": [3, 1]})) == []


def test_a_sweeps_are_several_even_where_one_is_asked():
    assert not asked("binary", 1).are_several
    assert asked("binary", 1, sweep=[]).are_several


def test_a_network_of_yes_or_no_answers_with_both_shares():
    np.testing.assert_allclose(no_and_yes(jnp.array([0.0])), [0.5, 0.5])
    np.testing.assert_allclose(no_and_yes(jnp.log(jnp.array([3.0]))), [0.25, 0.75], rtol=1e-6)


def test_parameters_that_are_no_numbers_are_counted_by_their_layer():
    fine = Dense(np.ones((2, 2), np.float32), np.zeros(2, np.float32))
    assert odd((fine, fine)) == ""
    for kernel, bias, count in (([[1, np.nan]], [0, 1], 1), ([[1, 2]], [np.inf, np.nan], 2)):
        broken = Dense(np.float32(kernel), np.float32(bias))
        assert odd((fine, broken)) == f"{count} NaN or infinite in layer_1"
