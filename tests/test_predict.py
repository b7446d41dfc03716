import csv
import json

import numpy as np
import pytest
from PIL import Image
from programs import call

from experiments import mnist, predict


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


def test_an_npz_of_the_wrong_width_is_one_line(run, tmp_path):
    np.savez(tmp_path / "wide.npz", x=np.zeros((3, 5)))
    with pytest.raises(SystemExit, match=r"error: .*expected rows of 64, got 5"):
        call(predict, run, tmp_path / "wide.npz")


def test_an_npz_without_inputs_is_one_line(run, tmp_path):
    np.savez(tmp_path / "odd.npz", images=np.zeros((3, 64)))
    with pytest.raises(SystemExit, match=r"error: .*odd\.npz: expected the arrays x.*got images"):
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
    (tmp_path / "config.json").write_text(json.dumps({**config, "sizes": [64, 32, 10]}))
    with pytest.raises(SystemExit, match=r"error: params\.npz needs the shapes"):
        call(predict, tmp_path, "digit.png")


def test_settings_that_are_none_are_one_line(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SystemExit, match=r"error: .*expected a run's settings"):
        call(predict, tmp_path, "digit.png")
