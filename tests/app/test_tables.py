from experiments.app import tables
from experiments.app.fields import TABLE
from experiments.app.settings import DEFAULTS, names_of
from experiments.data.tables.options import Options


def test_every_setting_of_a_table_is_one_of_its_options():
    config = {name: DEFAULTS[name] for name in names_of(TABLE)}
    record = {tables.NAMES.get(name, name): value for name, value in config.items()}
    assert set(record) <= set(Options._fields)
    given = {"task": "regression", "validation_fraction": 0.5, "table": record}
    given["table"] = record | {"target": ["y"], "include": ["a"], "ignore": ["b"]}
    found = tables.options(given)
    assert found == Options(
        ("y",), "regression", ("b",), ("a",), validation_fraction=0.5, test_fraction=0.2
    )
