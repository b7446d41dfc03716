"""What the same processes see to at each of their exchanges; here they are threads."""

import numpy as np
import pytest
from peers import Memory, together

from jaxmlp.runtime.exchange import Exchange
from jaxmlp.runtime.rounds import flat, next_exchange, refuse_differences


def refused(*facts):
    """What each of some processes says that have these facts."""
    store, every = Memory(), tuple(range(len(facts)))

    def meet(process):
        refuse_differences(Exchange(store, "facts", process, every), facts[process])

    return [None if error is None else str(error) for error in together(meet, len(facts))]


def test_processes_that_are_about_other_things_are_refused_in_all():
    given = [{"seed": "0, 1", "recipe": {"rate": f"0.{1 + n // 2}"}} for n in range(3)]
    said = "recipe.rate needs to be the same in all processes, got 0.1 in process 0 and 0.2 in"
    assert refused(*given) == [f"{said} process 2"] * 3


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (({"a": 1}, {"a": 1, "b": 2}), "b needs .*, got None in process 0 and 2 in process 1"),
        (({"a": 1, "b": {"c": 2}}, {"a": 1}), "b.c needs .*, got 2 in .* and None in process 1"),
        (({"a": 1}, {"a": True}), "a needs to be the same .* got 1 in process 0 and True"),
    ],
)
def test_a_fact_that_one_alone_has_or_of_another_kind_differs(facts, said):
    for each in refused(*facts):
        with pytest.raises(ValueError, match=f"^{said}"):
            raise ValueError(each)


def test_equal_facts_are_equal_whatever_numbers_they_are():
    assert refused({"a": np.int32(3), "b": float("nan")}, {"a": 3, "b": np.nan}) == [None, None]
    assert refused({"a": (1, 2), "b": str}, {"a": [1, 2], "b": str}) == [None, None]
    assert dict(flat({"a": {"b": {"c": 1}}, "d": 2})) == {"a.b.c": 1, "d": 2}


def test_exchanges_have_names_of_their_own_and_the_one_before_is_forgotten():
    store = Memory()
    first, other = (next_exchange(store, kind, (11,), 11) for kind in ("one", "other"))
    for each in (first, other):
        refuse_differences(each, {})
    second, elsewhere = next_exchange(store, "one", (11,), 11), next_exchange(store, "one", (7,), 7)
    assert len({each.name for each in (first, other, second, elsewhere)}) == 4
    assert first.told("facts", 11) == b"{}"
    refuse_differences(elsewhere, {})
    assert first.told("facts", 11) == b"{}"
    refuse_differences(second, {})
    assert first.told("facts", 11) is None
    assert [each.told("facts", 11) for each in (second, other)] == [b"{}"] * 2
    assert np.all([each.processes == (11,) for each in (first, second)])
