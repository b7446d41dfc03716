import copy
import json

import pytest

from experiments.data.tables.stored import check, read

RANGE = {"fill": 1.5, "mean": 1.0, "scale": 2.0, "low": 0.0, "high": 3.0}
COLUMNS = [
    {"name": "age", "kind": "number", "log": False, "has_missing": True, **RANGE},
    {"name": "ok", "kind": "boolean", "has_missing": False, "words": ["no", "yes"], **RANGE},
    {"name": "since", "kind": "date", "has_missing": False, "has_time": True, **RANGE}
    | {"form": "day first"},
    {"name": "town", "kind": "category", "has_missing": False, "has_other": True}
    | {"categories": ["Bonn", "Ulm"], "unseen": ["Ulm"]},
]
WHOLE = {
    "version": 1,
    "target": {"names": ["y"], "task": "regression", "class_names": []},
    "columns": COLUMNS,
    "ignored": [{"name": "id", "why": "identifies rows"}],
}


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "preparation.json"
    path.write_text(json.dumps([WHOLE, WHOLE]))
    assert read(path) == [WHOLE, WHOLE]


def changed(*steps):
    """One preparation in which what lies at a path is another value; a name alone is deleted."""
    whole = copy.deepcopy(WHOLE)
    for *path, last, value in steps:
        place = whole
        for step in path:
            place = place[step]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return [whole]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, "needs a list of preparations, one at least, got an object"),
        ([], "a list of preparations"),
        ([1], r"needs an object as \[0\], got 1"),
        (changed(("version", 2)), r"whole number from 1 to 1 as \[0\].version, got 2"),
        (changed(("target", "task", "guess")), "one of classification, binary"),
        (changed(("target", "names", [1])), r"a text as \[0\].target.names\[0\]"),
        (changed(("target", "columns", [])), "a column for each of y, got 0"),
        (changed(("target", "columns", [{"kind": "date"}])), "one of number, boolean, category"),
        (changed(("target", "columns", [{"kind": "number", "form": 1}])), "a text as .*form"),
        (changed(("decimal", "'")), r"one of ., , as \[0\].decimal"),
        *(
            (changed(("target", "columns", [{"kind": "boolean", "words": words}])), "two different")
            for words in (["no"], ["no", "no"], "no", [1, 1])
        ),
        (changed(("columns", [])), "columns whose names differ, got none"),
        (changed(("columns", 1, "name", "age")), "columns whose names differ, got age, age"),
        (changed(("columns", 0, "kind", "list")), "one of number, boolean, date, category"),
        (changed(("columns", 0, "has_missing", None)), "needs the field .*has_missing, got none"),
        (changed(("columns", 0, "fill", None)), "age needs the field fill, got none"),
        (changed(("columns", 0, "mean", "1")), "age needs a number as mean, got '1'"),
        (changed(("columns", 0, "scale", 0)), "a scale above 0 of age, got 0"),
        (changed(("columns", 2, "has_time", None)), "since needs the field has_time"),
        (changed(("columns", 2, "form", "any")), "one of year first"),
        (changed(("columns", 3, "commonest", "Trier")), "commonest category of town that is one"),
        (changed(("columns", 3, "categories", None)), "town needs the field categories"),
        (changed(("columns", 3, "categories", ["Ulm", "Ulm"])), "categories that differ"),
        (changed(("columns", 3, "unseen", ["Rom"])), "those unseen among them"),
        (changed(("ignored", [{"name": "id"}])), r"the field \[0\].ignored\[0\].why"),
        ([WHOLE, *changed(("columns", 3, "has_other", False))], "same features in each fold"),
    ],
)
def test_what_is_no_preparation_is_refused(value, expected):
    with pytest.raises(ValueError, match=expected) as caught:
        check(value, "a.json")
    assert str(caught.value).startswith("a.json needs ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[", '[{"version": NaN}]', "\ud800"])
def test_what_is_no_json_is_refused(tmp_path, text):
    path = tmp_path / "preparation.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match="needs to be how a table was prepared"):
        read(path)
    with pytest.raises(ValueError, match="needs to be how a table was prepared: .*no such file"):
        read(tmp_path / "none.json")
