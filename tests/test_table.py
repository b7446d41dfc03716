"""A table of one's own, from the command line to the answers and back to the bit."""

import csv
import json
import os
import shutil
import signal

import numpy as np
import pytest
from programs import call
from run_files import compiled_once, files, lines, read, without_seconds

from experiments import mnist, predict, table, verify
from experiments.folder.files import Lines

SETTINGS = ("--num_epochs=2", "--batch_size=16", "--hidden_sizes=4", "--noplots", "--noreport")
TOWNS = ("Bonn", "Köln", "Ulm")


@pytest.fixture(autouse=True, scope="module")
def one_program():
    with compiled_once():
        yield


def houses():
    """Rows of houses, of which towns decide the price and the kind: header, then texts."""
    random = np.random.default_rng(0)
    rows = [["id", "rooms", "town", "price", "kind", "quiet", "light"]]
    for number in range(60):
        rooms, town = int(random.integers(1, 7)), int(random.integers(3))
        price = 100.5 * rooms + 50 * town + random.normal()
        kind = ("flat", "house", "villa")[town]
        answers = random.integers(0, 2, 2)
        rows.append([100 + number, rooms, TOWNS[town], f"{price:.2f}", kind, *answers])
    return rows


def write(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return write(tmp_path_factory.mktemp("table") / "houses.csv", houses())


def train(file, target, folder, *flags, program=table):
    name = "data" if program is table else "dataset"
    call(
        program, f"--{name}={file}", f"--target={target}", *SETTINGS, *flags, f"--workdir={folder}"
    )


@pytest.fixture(scope="module")
def values(file, tmp_path_factory):
    """A run on prices."""
    folder = tmp_path_factory.mktemp("values") / "run"
    train(file, "price", folder, "--ignore=kind", "--ignore=quiet,light")
    return folder


@pytest.fixture(scope="module")
def classes(file, tmp_path_factory):
    """A run on kinds of houses."""
    folder = tmp_path_factory.mktemp("classes") / "run"
    train(file, "kind", folder, "--ignore=id")
    return folder


def interrupted(*arguments):
    """Trains until SIGTERM comes with the first epoch's line."""
    append = Lines.append

    def append_and_send(lines, record):
        append(lines, record)
        if record.get("epoch") == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lines, "append", append_and_send)
        with pytest.raises(SystemExit) as ended:
            call(*arguments)
    assert ended.value.code == 143


def predictions(folder):
    with (folder / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


def test_what_is_found_out_is_said_before_training(file, tmp_path, capsys):
    train(file, "price", tmp_path / "run", "--ignore=kind")
    out = capsys.readouterr().out
    assert "price: float target with 60 values: regression" in out
    assert "ignored, identifies rows: id; --include=NAME takes it all the same" in out
    assert "48 train, 12 test examples" in out
    assert out.index("regression") < out.index("compiling")


def test_the_record_has_the_options_and_the_scale_of_the_answers(values):
    config = read(values / "config.json")
    assert config["task"] == "regression"
    assert config["target"] is None
    assert config["table"]["target"] == ["price"]
    assert config["table"]["ignore"] == ["kind", "quiet", "light"]
    assert config["sizes"] == [1 + 3, 4, 1]
    assert config["output_scaling"] == {"mean": [384.0], "scale": [128.0]}


def test_classes_keep_their_names(classes):
    config = read(classes / "config.json")
    assert (config["task"], config["class_names"]) == ("classification", ["flat", "house", "villa"])
    (prepared,) = json.loads((classes / "preparation.json").read_text())
    assert [column["name"] for column in prepared["columns"]] == [
        *("rooms", "town", "price", "quiet", "light")
    ]
    assert prepared["ignored"] == [{"name": "id", "why": "as asked"}]


@pytest.mark.parametrize("name", ["values", "classes"])
def test_a_run_proves_itself(name, request, capsys):
    folder = request.getfixturevalue(name)
    call(verify, folder)
    out = capsys.readouterr().out
    assert "identical to the bit in all 2 epochs" in out
    assert "params.npz, preparation.json; not vouched for" in " ".join(out.split())


def test_a_forged_preparation_is_named(values, tmp_path, capsys):
    folder = shutil.copytree(values, tmp_path / "run")
    text = (folder / "preparation.json").read_text()
    prepared = json.loads(text)
    fill = prepared[0]["columns"][0]["fill"]
    prepared[0]["columns"][0]["fill"] = 99.0
    (folder / "preparation.json").write_text(json.dumps(prepared))
    with pytest.raises(SystemExit) as ended:
        call(verify, folder)
    assert ended.value.code == 4
    said = f"preparation.json 0.columns.rooms.fill: expected {fill}, got 99.0"
    assert said in capsys.readouterr().out
    (folder / "preparation.json").unlink()
    with pytest.raises(SystemExit):
        call(verify, folder)
    assert "preparation.json: expected a file, got nothing" in capsys.readouterr().out


def test_one_command_goes_on_to_the_same_bits(file, values, tmp_path):
    folder = tmp_path / "run"
    ignored = ("--ignore=kind,quiet,light", "--resume")
    train(file, "price", folder, *ignored, "--num_epochs=1")
    train(file, "price", folder, *ignored)
    assert (
        read(folder / "summary.json")["params_sha256"]
        == (read(values / "summary.json")["params_sha256"])
    )
    call(table, "--resume", f"--workdir={folder}")  # whose settings hold


def test_an_interrupted_run_goes_on_by_its_folder_alone_to_the_same_bits(file, values, tmp_path):
    folder = tmp_path / "run"
    ignored = "--ignore=kind,quiet,light"
    interrupted(
        *(table, f"--data={file}", "--target=price", *SETTINGS, ignored, f"--workdir={folder}"),
    )
    assert len((folder / "metrics.jsonl").read_text().splitlines()) == 1
    call(table, "--resume", f"--workdir={folder}")
    got, expected = ([*map(without_seconds, lines(each))] for each in (folder, values))
    assert got == expected
    got, expected = (without_seconds(read(each / "summary.json")) for each in (folder, values))
    assert got == expected
    assert (folder / "preparation.json").read_bytes() == (
        (values / "preparation.json").read_bytes()
    )


def test_a_changed_file_is_refused(values, tmp_path):
    own = write(tmp_path / "houses.csv", houses())
    folder = tmp_path / "run"
    train(own, "price", folder)
    rows = houses()
    rows[7][1] = 9
    write(own, rows)
    before = files(folder)
    with pytest.raises(SystemExit, match=r"^error: --resume needs .*; data_sha256: expected .*$"):
        train(own, "price", folder, "--resume", "--num_epochs=3")
    with pytest.raises(SystemExit, match=r"table\.target: expected \['price'\], got \['rooms'\]"):
        train(own, "rooms", folder, "--resume")
    assert files(folder) == before


def test_other_programs_take_a_table_too(file, values, tmp_path):
    train(file, "price", tmp_path / "run", "--ignore=kind,quiet,light", program=mnist)
    for name in ("config.json", "preparation.json"):
        assert (tmp_path / "run" / name).read_text() == (values / name).read_text()


def test_the_target_is_a_score_where_a_column_is_named(file, tmp_path):
    call(
        *(mnist, f"--dataset={file}", "--target_column=price", "--target=1e9", *SETTINGS),
        *("--validation_fraction=0.2", f"--workdir={tmp_path / 'run'}"),
    )
    config = read(tmp_path / "run" / "config.json")
    assert (config["target"], config["table"]["target"]) == (1e9, ["price"])
    assert read(tmp_path / "run" / "summary.json")["num_epochs"] == 1  # which it reaches at once


def test_rows_get_answers_in_any_order_of_the_columns(values, tmp_path, capsys):
    header, *rows = houses()
    places = [header.index(name) for name in ("town", "id", "rooms")]
    write(tmp_path / "new.csv", [[row[i] for i in places] for row in [header, *rows[:5]]])
    call(predict, values, tmp_path / "new.csv")
    some = predictions(values)
    assert [*some[0]] == ["row", "id", "answer_price", "unlike"]
    assert [row["id"] for row in some] == ["100", "101", "102", "103", "104"]
    write(tmp_path / "all.csv", [header, *rows])
    call(predict, values, tmp_path / "all.csv")
    every = predictions(values)
    assert [row["row"] for row in every] == [str(row) for row in range(1, 61)]
    assert [row["answer_price"] for row in every[:5]] == [row["answer_price"] for row in some]
    assert [float(row["label_price"]) for row in every] == [float(row[3]) for row in rows]


def test_classes_are_called_by_their_names(file, classes, capsys):
    call(predict, classes, file)
    out, written = capsys.readouterr().out, predictions(classes)
    assert [*written[0]] == [*("row", "label", "guess", "unlike", "p_flat", "p_house", "p_villa")]
    assert [row["label"] for row in written] == [row[4] for row in houses()[1:]]
    right = sum(row["label"] == row["guess"] for row in written)
    assert f"right: {right} of 60" in out
    assert {row["guess"] for row in written} <= {"flat", "house", "villa"}
    shares = {name: float(written[0][f"p_{name}"]) for name in ("flat", "house", "villa")}
    assert max(shares, key=shares.get) == written[0]["guess"]


def test_a_new_category_is_said_and_a_missing_column_refused(classes, tmp_path, capsys):
    header, *rows = houses()
    rows[2][2] = "Trier"
    call(predict, classes, write(tmp_path / "new.csv", [header, *rows[:4]]))
    out = capsys.readouterr().out
    assert "Trier" in out
    assert "1 of 4 look unlike what the network was trained on" in out
    assert [row["unlike"] for row in predictions(classes)] == ["", "", "town Trier, new", ""]
    before = files(classes)
    write(tmp_path / "less.csv", [row[:2] + row[3:] for row in [header, *rows]])
    with pytest.raises(SystemExit, match=r"^error: .*less\.csv: .*needs.*town[^\n]*$"):
        call(predict, classes, tmp_path / "less.csv")
    np.savez(tmp_path / "rows.npz", x=np.zeros((3, 4)))
    with pytest.raises(SystemExit, match="a network of a table takes one such table, got "):
        call(predict, classes, tmp_path / "rows.npz")
    assert files(classes) == before


def test_rows_of_values_out_of_the_range_are_marked(values, tmp_path, capsys):
    header, *rows = houses()
    rows[0][1], rows[1][1] = 60, ""
    call(predict, values, write(tmp_path / "new.csv", [header, *rows[:3]]))
    marks = ["rooms 60, above 6", "rooms missing", ""]
    assert [row["unlike"] for row in predictions(values)] == marks
    assert [*predictions(values)[0]][-2:] == ["unlike", "label_price"]
    out = capsys.readouterr().out
    assert "rooms 60, above 6" in out
    assert "2 of 3 look unlike what the network was trained on" in out
    call(predict, values, write(tmp_path / "known.csv", [header, *rows[2:5]]))
    assert {row["unlike"] for row in predictions(values)} == {""}
    assert "unlike" not in capsys.readouterr().out
