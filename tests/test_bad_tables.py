"""Tables and flags that do not serve: one clear line each, before any training, nothing touched."""

import csv
import re

import numpy as np
import parquet_files
import pytest
from programs import call
from run_files import files

import jaxmlp
from experiments import mnist, predict, sweep, table

GOOD = [
    ["id", "age", "town", "since", "price", "kind", "yes"],
    *(
        [
            i,
            20 + i % 17,
            ("Bonn", "Ulm")[i % 2],
            f"2020-01-{1 + i % 28:02}",
            10.5 * i,
            "ab"[i % 2],
            i % 2,
        ]
        for i in range(40)
    ),
]


@pytest.fixture(autouse=True)
def nothing_begins(monkeypatch):
    """Training would be a mistake."""

    def begin(*_, **__):
        raise AssertionError("it begins to train")

    monkeypatch.setattr(jaxmlp, "warm_up", begin)
    monkeypatch.setattr(jaxmlp, "plan_many", begin)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("bad")
    write(home / "good.csv", GOOD)
    np.savez(home / "some.npz", x=np.zeros((9, 2)), y=np.arange(9) % 3)
    parquet_files.write(home / "rows.parquet", x=np.zeros((9, 2)), label=np.arange(9) % 3)
    (home / "note.txt").write_text("nothing but words")
    (home / "binary.csv").write_bytes(bytes(range(256)))
    (home / "empty.csv").write_text("")
    (home / "header.csv").write_text("a,b\n")
    (home / "folder.csv").mkdir()
    (home / "broken.parquet").write_bytes(b"PAR1 and no more PAR1")
    write(home / "twice.csv", [["a", "a", "b"], *([i, i, i % 2] for i in range(20))])
    write(home / "constant.csv", [["a", "b"], *([i % 7, 1] for i in range(20))])
    write(home / "two.csv", [["a", "b"], [1, 0], [2, 1]])
    write(home / "empties.csv", [["a", "b"], *([i, ""] for i in range(20))])
    return home


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def refused(home, program, arguments):
    """What is said of a command, in one line and with nothing changed."""
    before = files(home)
    texts = [text.replace("HOME", str(home)) for text in arguments]
    with pytest.raises(SystemExit, match=r"^error: [^\n]*$") as ended:
        call(program, *texts, f"--workdir={home / 'run'}")
    assert files(home) == before
    assert not (home / "run").exists()
    assert len(str(ended.value)) < 600
    return str(ended.value)


OF_TABLE = [  # arguments of experiments.table, and what is said
    ("", "--data needs a table, .csv, .tsv, .tab, .txt, .parquet, .arrow, .feather, got nothing"),
    ("--data=HOME/good.csv", "--target needs one of .*good.csv's columns, id, age, .*got nothing"),
    ("--data=HOME/none.csv --target=a", "none.csv: expected a table, got no such file"),
    ("--data=HOME/folder.csv --target=a", "folder.csv: expected a table, got a folder"),
    ("--data=HOME/empty.csv --target=a", "expected a table, got an empty file"),
    ("--data=HOME/header.csv --target=a", "expected rows below the names, got none"),
    ("--data=HOME/binary.csv --target=a", "got bytes that are neither UTF-8 nor Windows-1252"),
    ("--data=HOME/note.txt --target=a", "expected columns, a target and inputs"),
    ("--data=HOME/broken.parquet --target=a", "expected a Parquet file"),
    ("--data=HOME/twice.csv --target=b", "a name of its own for each column, got a"),
    ("--data=HOME/constant.csv --target=b", "expected a target of different values, got the same"),
    ("--data=HOME/empties.csv --target=b", "expected a target, got no value in any row"),
    ("--data=HOME/two.csv --target=b", "expected classes that come again, got one for each row"),
    ("--data=HOME/some.npz --target=b", "--data needs a table, .*, got .*some.npz"),
    ("--data=mnist --target=b", "--data needs a table, .*, got mnist"),
    ("--data=HOME/good.csv --target=nope", "--target needs columns of the table, got nope"),
    ("--data=HOME/good.csv --target=Price", "did you mean price\\?"),
    ("--data=HOME/good.csv --target=5", "--target needs columns of the table, got 5"),
    ("--data=HOME/good.csv --target=", "flag --target=: expected a score, or the column"),
    ("--data=HOME/good.csv --target=,", "expected names that differ, such as age,town, got ','"),
    ("--data=HOME/good.csv --target=age,age", "expected names that differ"),
    ('--data=HOME/good.csv --target="age', "expected names that differ"),
    ("--data=HOME/good.csv --target=since", "expected a target of numbers or classes, got dates"),
    ("--data=HOME/good.csv --target=price,town", "expected several targets to be numbers"),
    ("--data=HOME/good.csv --target=price --ignore=nope", "--ignore needs columns of the table"),
    ("--data=HOME/good.csv --target=price --ignore=price", "--target needs columns of its own"),
    ("--data=HOME/good.csv --target=price --include=price", "--target needs columns of its own"),
    ("--data=HOME/good.csv --target=price --include=x", "--include needs columns of the table"),
    ("--data=HOME/good.csv --target=price --ignore=age --include=age", "got age as both"),
    ("--data=HOME/good.csv --target=price --ignore=age --log=age", "got age as both"),
    ("--data=HOME/good.csv --target=price --log=town", "--log needs columns of numbers"),
    (
        "--data=HOME/good.csv --target=price --log=nope",
        "--log needs columns of the table, got nope",
    ),
    ("--data=HOME/good.csv --target=price --log=", "flag --log=: expected names that differ"),
    (
        "--data=HOME/good.csv --target=price --category=nope",
        "--category needs columns of the table",
    ),
    ("--data=HOME/good.csv --target=price --group=nope", "--group needs columns of the table"),
    ("--data=HOME/good.csv --target=price --time=nope", "--time needs columns of the table"),
    (
        "--data=HOME/good.csv --target=price --time=town",
        "expected dates or numbers in the --time town",
    ),
    ("--data=HOME/good.csv --target=price --group=town --time=since", "by --group or by --time"),
    ("--data=HOME/good.csv --target=price --group=price", "--target needs columns of its own"),
    ("--data=HOME/good.csv --target=price --ignore=id,age,town,since,kind,yes", "columns to learn"),
    ("--data=HOME/good.csv --target=price --test_fraction=0", "--test_fraction needs"),
    ("--data=HOME/good.csv --target=price --test_fraction=1", "flag --test_fraction=1: expected"),
    ("--data=HOME/good.csv --target=price --test_fraction=x", "flag --test_fraction=x: expected"),
    (
        "--data=HOME/good.csv --target=price --test_fraction=0.001",
        "expected at least 1000 examples",
    ),
    ("--data=HOME/good.csv --target=price --folds=1", "--folds needs at least 2"),
    ("--data=HOME/good.csv --target=price --folds=41", "expected at least 41 rows for 41 folds"),
    ("--data=HOME/good.csv --target=price --folds=x", "flag --folds=x: expected a whole number"),
    ("--data=HOME/good.csv --target=price --folds=3 --time=since", "--folds needs rows without"),
    ("--data=HOME/good.csv --target=price --folds=3 --group=town", "at least 3 groups"),
    ("--data=HOME/good.csv --target=price --folds=2 --seed=3", "expected --seeds=3, got --seed=3"),
    ("--data=HOME/good.csv --target=price --seeds=3:1", "seeds need a range"),
    ("--data=HOME/good.csv --target=price --task=values", "value should be one of"),
    ("--data=HOME/good.csv --target=town --task=regression", "texts such as Bonn"),
    ("--data=HOME/good.csv --target=price --task=multilabel", "several columns for --task=mult"),
    ("--data=HOME/good.csv --target=age --task=binary", "expected two classes for --task=binary"),
    (
        "--data=HOME/good.csv --target=price --task=classification",
        "texts or whole numbers, got 10.5",
    ),
    ("--data=HOME/good.csv --target=price --label_smoothing=0.1", "--label_smoothing needs labels"),
    ("--data=HOME/good.csv --target=price --stop_metric=accuracy", "needs loss or absolute_error"),
    ("--data=HOME/good.csv --target=price --patience=3", "--patience needs a validation set"),
    (
        "--data=HOME/good.csv --target=price --resume --overwrite",
        "--resume or --overwrite, got both",
    ),
    ("--data=HOME/good.csv --target=price extra", "expected flags only, .*got extra"),
    ("--data=HOME/good.csv --target=price --targets=price", "Unknown command line flag 'targets'"),
    (
        "--data=HOME/good.csv --target_column=price --target=high",
        "flag --target=high: expected 0 or",
    ),
]
OF_OTHERS = [  # program, arguments, and what is said
    (mnist, "--dataset=HOME/good.csv", "--target needs one of .*good.csv's columns"),
    (mnist, "--dataset=HOME/some.npz --target=kind", "flag --target=kind: expected 0 or a number"),
    (mnist, "--dataset=HOME/some.npz --ignore=a", "--ignore needs a table and its --target=COLUMN"),
    (mnist, "--dataset=HOME/some.npz --test_fraction=0.5", "--test_fraction needs a table and its"),
    (mnist, "--dataset=digits --group=a", "--group needs a table and its --target=COLUMN"),
    (mnist, "--dataset=digits --target_column=a", "--target_column needs a table, got digits"),
    (mnist, "--dataset=HOME/rows.parquet --target=kind", "--target needs columns of the table"),
    (sweep, "--dataset=HOME/some.npz --time=a", "--time needs a table and its --target=COLUMN"),
    (sweep, "--dataset=HOME/good.csv --target=price --sweep=target=1", "a sweep needs one of"),
    (sweep, "--dataset=HOME/good.csv --target_column=price --target=1", "--target is for one netw"),
]


@pytest.mark.parametrize(("arguments", "said"), OF_TABLE)
def test_what_does_not_serve_as_a_table_is_one_line(home, arguments, said):
    assert re.search(said, refused(home, table, arguments.split()))


@pytest.mark.parametrize(("program", "arguments", "said"), OF_OTHERS)
def test_what_only_a_table_has_is_refused_without_one(home, program, arguments, said):
    assert re.search(said, refused(home, program, arguments.split()))


def test_there_are_sixty():
    assert len(OF_TABLE) + len(OF_OTHERS) >= 60


def test_a_name_with_a_comma_stands_in_quotation_marks(home, tmp_path):
    rows = [["a, b", "c"], *([i % 5, i % 2] for i in range(20))]
    path = write(tmp_path / "commas.csv", rows)
    for given in ('--target="a, b"', '--target_column="a, b"'):
        with pytest.raises(AssertionError, match="it begins to train"):
            call(table, f"--data={path}", given, f"--workdir={tmp_path / 'run'}")
    with pytest.raises(SystemExit, match="needs columns of the table, got a"):
        call(table, f"--data={path}", "--target=a, b", f"--workdir={tmp_path / 'run'}")


def test_an_answer_needs_a_table_that_is_there(home):
    for given in (["none"], [], ["none", "a", "b"]):
        with pytest.raises(SystemExit, match=r"^error: [^\n]*$"):
            call(predict, *given)
