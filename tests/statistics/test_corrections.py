import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured_once import NAN

from jaxmlp.statistics import CORRECTIONS, adjust


def test_corrections_are_those_of_r():
    p_values = [0.03, 0.01, 0.05, 0.02, 0.04]
    assert adjust(p_values, "holm") == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])
    assert adjust(p_values, "bonferroni") == pytest.approx([0.15, 0.05, 0.25, 0.1, 0.2])
    assert adjust(p_values, "benjamini_hochberg") == pytest.approx([0.05] * 5)
    assert adjust([0.6, 0.9], "holm") == [1, 1]
    assert adjust([0.6, 0.9], "bonferroni") == [1, 1]
    assert [adjust([], correction) for correction in CORRECTIONS] == [[], [], []]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_between_bonferroni_and_false_discoveries(p_values):
    bonferroni, holm, discovery = (
        np.array(adjust(p_values, correction))
        for correction in ("bonferroni", "holm", "benjamini_hochberg")
    )
    assert (bonferroni >= holm).all()
    assert (holm >= discovery - 1e-12).all()
    assert (discovery >= np.array(p_values) - 1e-12).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: adjust([0.5], "tukey"),
            "correction needs to be one of holm, bonferroni, benjamini_hochberg, got tukey",
        ),
        (lambda: adjust([0.5, 1.5]), "p_values need to be from 0 to 1, got 1.5"),
        (lambda: adjust([NAN]), "p_values need to be from 0 to 1, got nan"),
    ],
)
def test_what_can_not_be_is_said_in_one_line(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()
