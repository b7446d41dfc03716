"""What a network makes of pictures and of arrays, and what it refuses to."""

import csv
import json
import shutil

import numpy as np
import parquet_files
import photographs
import pytest
from PIL import Image, ImageDraw
from programs import call
from run_files import files

import jaxmlp
from experiments import mnist, predict
from experiments.app import predictions
from experiments.app.examples import Examples
from experiments.app.predictions import Predictions
from experiments.app.votes import Votes, together
from experiments.plots import run as plots


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A short run on digits."""
    path = tmp_path_factory.mktemp("run") / "digits"
    call(mnist, "--dataset=digits", "--num_epochs=8", f"--workdir={path}", "--noplots")
    return path


@pytest.fixture(scope="module")
def examples():
    from sklearn.datasets import load_digits

    inputs, labels = load_digits(return_X_y=True)
    return (inputs / 16).astype(np.float32)[:50], labels[:50]


def rows(run):
    with (run / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


def test_an_npz_with_labels_gets_a_table_a_score_and_a_picture(run, examples, tmp_path, capsys):
    inputs, labels = examples
    np.savez(tmp_path / "some.npz", x=inputs.reshape(-1, 8, 8), y=labels)
    call(predict, run, tmp_path / "some.npz")
    written = rows(run)
    right = sum(row["label"] == row["guess"] for row in written)
    assert len(written) == 50
    assert right >= 45
    out = capsys.readouterr().out
    assert f"right: {right} of 50, {2 * right:.2f} %" in out
    assert "and 30 more" in out
    with Image.open(run / "plots" / "predictions.png") as picture:
        assert picture.size[0] > 200
    assert sum(float(written[0][f"p{digit}"]) for digit in range(10)) == pytest.approx(1, abs=1e-4)


def test_a_table_is_read_piece_by_piece_to_the_answers_of_its_arrays(
    run, examples, tmp_path, monkeypatch
):
    inputs, labels = examples
    np.savez(tmp_path / "some.npz", x=inputs, y=labels)
    call(predict, run, tmp_path / "some.npz")
    expected = rows(run)
    parquet_files.write(tmp_path / "some.parquet", x=inputs.reshape(-1, 8, 8), label=labels)
    monkeypatch.setattr("experiments.data.rows.CHUNK", 20 * 256)  # bytes: 20 rows
    call(predict, run, tmp_path / "some.parquet", f"--picture={tmp_path / 'here.png'}")
    assert (tmp_path / "here.png").exists()
    for row, other in zip(rows(run), expected, strict=True):
        assert row.pop("name") == other.pop("name").replace("npz", "parquet")
        assert {**row} == {**other}
    parquet_files.write(tmp_path / "wide.parquet", x=np.zeros((3, 5)))
    assert "wide.parquet: expected rows of 64, got 5" in refused(run, tmp_path / "wide.parquet")


def test_pictures_dark_on_light_are_read(run, examples, tmp_path):
    inputs, labels = examples
    names = []
    for row in range(10):
        picture = Image.fromarray(255 - np.uint8(255 * inputs[row].reshape(8, 8)))
        names.append(tmp_path / f"{row}.png")
        picture.resize((96, 96), Image.Resampling.BICUBIC).save(names[-1])
    call(predict, run, *names, f"--picture={tmp_path / 'here.png'}")
    guesses = [int(row["guess"]) for row in rows(run)]
    assert sum(guesses == labels[:10]) >= 8
    assert (tmp_path / "here.png").exists()


def refused(run, path, *flags):
    """What is said of an .npz file, before anything is written."""
    before = files(run)
    with pytest.raises(SystemExit, match=r"^error: [^\n]*$") as ended:
        call(predict, run, path, *flags)
    assert files(run) == before
    return str(ended.value)


@pytest.mark.parametrize("label", [-1, 10, 10**9])
def test_a_label_that_the_network_has_no_class_for_is_refused(run, examples, tmp_path, label):
    inputs, labels = examples
    labels = labels.copy()
    labels[7] = label
    np.savez(tmp_path / "some.npz", x=inputs, y=labels)
    expected = f"expected labels from 0 to 9, as the network has classes, got {label} in row 7"
    assert expected in refused(run, tmp_path / "some.npz")


def test_an_input_that_is_no_number_gets_no_guess_and_the_others_do(
    run, examples, tmp_path, capsys
):
    inputs, labels = examples[0].copy(), examples[1].copy()
    inputs[3, 5], inputs[4, 0] = np.nan, np.inf
    labels[[3, 4]] = 0  # the first of equals, and of those that cannot be compared
    np.savez(tmp_path / "some.npz", x=inputs[:10], y=labels[:10])
    call(predict, run, tmp_path / "some.npz")
    out = capsys.readouterr().out
    assert out.count("none: NaN or infinity in the input") == 2
    assert "no guess at 2 of 10" in out
    assert "nan" not in out
    written = rows(run)
    assert [row["guess"] == "" for row in written] == [row in (3, 4) for row in range(10)]
    assert {written[3][f"p{digit}"] for digit in range(10)} == {""}
    right = sum(row["label"] == row["guess"] for row in written)
    assert f"right: {right} of 10" in out


def test_parameters_that_are_no_numbers_are_refused(run, examples, tmp_path):
    broken = shutil.copytree(run, tmp_path / "run")
    (first, last) = jaxmlp.load_params(run / "params.npz")
    kernel = last.kernel.copy()
    kernel[0, :3] = np.nan
    jaxmlp.save_params(broken / "params.npz", (first, last._replace(kernel=kernel)))
    np.savez(tmp_path / "some.npz", x=examples[0])
    expected = "params.npz needs finite numbers, got 3 NaN or infinite in layer_1"
    assert expected in refused(broken, tmp_path / "some.npz")


@pytest.mark.parametrize("x", [np.zeros((0, 64)), np.zeros((3, 0)), np.array(1.0), np.array("a")])
def test_inputs_that_are_none_are_refused(run, tmp_path, x):
    np.savez(tmp_path / "some.npz", x=x)
    assert "expected inputs (N, ...) of numbers" in refused(run, tmp_path / "some.npz")


def test_where_nothing_can_be_written_nothing_is_begun(run, examples, tmp_path):
    broken = shutil.copytree(run, tmp_path / "run")
    np.savez(tmp_path / "some.npz", x=examples[0])
    (tmp_path / "file").touch()
    for picture in (tmp_path / "file" / "a.png", tmp_path / "a.txt", tmp_path):
        assert str(picture) in refused(broken, tmp_path / "some.npz", f"--picture={picture}")
    (broken / "predictions.csv").unlink(missing_ok=True)
    (broken / "predictions.csv").mkdir()
    assert "expected a file that can be written" in refused(broken, tmp_path / "some.npz")


def test_a_picture_that_is_read_is_not_written(run, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "digit.png")
    before = (tmp_path / "digit.png").read_bytes()
    message = refused(run, tmp_path / "digit.png", f"--picture={tmp_path / 'digit.png'}")
    assert "which is to be read" in message
    assert (tmp_path / "digit.png").read_bytes() == before


def test_what_is_written_is_whole_or_as_it_was(run, examples, tmp_path, monkeypatch):
    np.savez(tmp_path / "some.npz", x=examples[0][:3])
    call(predict, run, tmp_path / "some.npz")
    before = files(run)
    write = predictions.write_table

    def fail(path, *rest):
        write(path, *rest)
        raise OSError("No space left on device")

    monkeypatch.setattr(predictions, "write_table", fail)
    with pytest.raises(SystemExit, match="No space left"):
        call(predict, run, tmp_path / "some.npz")
    assert files(run) == before


def blot(path):
    """A round spot of ink."""
    image = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(image).ellipse((60, 60, 140, 140), 0)
    image.save(path)
    return path


def test_what_looks_like_no_digit_is_marked_on_the_screen_and_in_the_files(run, tmp_path, capsys):
    Image.fromarray(np.uint8(255 * photographs.strokes(0))).save(tmp_path / "0.png")
    spot = blot(tmp_path / "spot.png")
    call(predict, run, spot, spot, tmp_path / "0.png", f"--picture={tmp_path / 'both.png'}")
    assert [row["unlike"] for row in rows(run)] == ["a blot", "a blot", ""]
    out = capsys.readouterr().out
    assert "a blot" in out
    assert "2 of 3 look unlike what the network was trained on" in out
    assert max(map(len, out.split("picture in")[0].splitlines())) <= 80


def test_where_nothing_is_odd_nothing_is_said(run, examples, tmp_path, capsys):
    np.savez(tmp_path / "some.npz", x=examples[0])
    call(predict, run, tmp_path / "some.npz")
    assert {row["unlike"] for row in rows(run)} == {""}
    assert "unlike" not in capsys.readouterr().out


def test_the_mark_stands_below_the_picture(tmp_path, monkeypatch):
    drawn = []

    def draw(path, *arguments):
        path.touch()
        drawn.extend(arguments)

    monkeypatch.setattr(plots, "predictions", draw)
    given = Examples(["a.png", "b.png"], np.zeros((2, 64), np.float32), None)
    digits, votes = [str(digit) for digit in range(10)], Votes(np.full((2, 10), 0.1))
    found = Predictions("classification", digits, votes, ["", "a blot"], are_named=False)
    predict.draw(tmp_path / "p.png", given, found, (8, 8))
    assert drawn[2] == ["a.png", "b.png: a blot"]


def test_an_npz_of_the_wrong_width_is_one_line(run, tmp_path):
    np.savez(tmp_path / "wide.npz", x=np.zeros((3, 5)))
    with pytest.raises(SystemExit, match=r"error: .*expected rows of 64, got 5"):
        call(predict, run, tmp_path / "wide.npz")


def test_an_npz_without_inputs_is_one_line(run, tmp_path):
    np.savez(tmp_path / "odd.npz", weights=np.zeros((3, 64)))
    with pytest.raises(SystemExit, match=r"error: .*odd\.npz: expected the arrays x.*got weights"):
        call(predict, run, tmp_path / "odd.npz")


def test_a_picture_that_is_none_is_one_line(run, tmp_path):
    (tmp_path / "note.png").write_text("not a picture")
    with pytest.raises(SystemExit, match=r"error: .*note\.png"):
        call(predict, run, tmp_path / "note.png")


def test_a_folder_without_a_run_is_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"error: .*config\.json needs to be a run's record"):
        call(predict, tmp_path, "digit.png")


def test_no_arguments_is_one_line():
    with pytest.raises(SystemExit, match="error: expected a run's folder and pictures"):
        call(predict)


def test_parameters_of_another_network_are_one_line(run, tmp_path):
    (tmp_path / "params.npz").write_bytes((run / "params.npz").read_bytes())
    config = json.loads((run / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "hidden_sizes": [32], "sizes": [64, 32, 10]})
    )
    message = r"error: .*params\.npz needs float32 \(64, 32\) as 0/kernel, got float32 \(64, 256\)"
    with pytest.raises(SystemExit, match=message):
        call(predict, tmp_path, "digit.png")


def test_settings_that_are_none_are_one_line(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"error: .*config\.json needs the field seed, got none"):
        call(predict, tmp_path, "digit.png")


def test_what_is_odd_and_how_good_answers_are_is_counted(capsys):
    one = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [np.nan, 1.0]])
    other = np.array([[0.6, 0.4], [0.1, 0.9], [0.2, 0.8], [0.5, 0.5]])
    votes = together([one, other], "classification")
    found = Predictions("classification", ["no", "yes"], votes, ["", "age 9", "", ""], True)
    given = Examples([*"abcd"], np.zeros((4, 1)), np.array([0, 0, 1, 1]))
    predict.conclude(given, found)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "no guess at 1 of 4",
        "1 of 4 look unlike what the network was trained on",
        "all networks guess alike at 2 of 4",
        "right: 2 of 4, 50.00 %",
    ]
    assert lines[-1] == "F1 is that of yes."
    predict.conclude(given._replace(labels=np.array([0, -1, 1, -1])), found)
    assert "right: 2 of 2, 100.00 %" in capsys.readouterr().out
    predict.conclude(given._replace(labels=None), found)
    assert capsys.readouterr().out.splitlines() == lines[:3]
