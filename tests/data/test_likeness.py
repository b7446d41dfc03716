import os
from pathlib import Path

import numpy as np
import photographs
import pytest
from programs import call

import jaxmlp
from experiments import mnist, predict
from experiments.data import images, likeness
from experiments.data.images import Picture


def test_a_sure_view_weighs_more():
    unsure, sure = [0.5, 0.3, 0.2], [0.02, 0.96, 0.02]
    assert likeness.combined(np.float32([unsure])) == pytest.approx(unsure)
    assert likeness.combined(np.float32([unsure, [0.9, 0.05, 0.05], sure])).argmax() == 1
    expected = np.cbrt([0.1**3 + 0.6**3, 0.9**3 + 0.4**3])
    combined = likeness.combined(np.float32([[0.1, 0.9], [0.6, 0.4]]))
    assert combined == pytest.approx(expected / expected.sum())


def test_a_guess_spread_over_many_classes_fits_none():
    assert likeness.undecided(np.float32([0.2] * 5)) == "no class fits"
    assert likeness.undecided(np.float32([0.25] * 4 + [0] * 43)) == ""
    assert likeness.undecided(np.float32([0.5, 0.5])) == ""


def test_pictures_with_one_view_and_with_five_go_together(monkeypatch):
    """The guess of each is from its own views."""
    ones = np.eye(6, dtype=np.float32)[:3]
    even = np.full((1, 6), 1 / 6, np.float32)
    monkeypatch.setattr(jaxmlp, "predict", lambda recipe, params, inputs: inputs)
    pictures = [Picture(ones[[0]], ""), Picture(ones[[1] * 5], "wide"), Picture(even, "")]
    guesses = likeness.guess(None, None, pictures)
    expected = np.concatenate([ones[:2], even])
    np.testing.assert_allclose(guesses.probabilities, expected, atol=1e-6)
    assert guesses.unlike == ["", "wide", "no class fits"]


@pytest.fixture(scope="module")
def mnist_run(tmp_path_factory):
    if not Path(os.environ.get("JAXMLP_DATA_DIR", "/nowhere"), "mnist").is_dir():
        pytest.skip("$JAXMLP_DATA_DIR/mnist has no MNIST")
    path = tmp_path_factory.mktemp("run") / "mnist"
    call(mnist, "--dataset=mnist", "--num_epochs=5", f"--workdir={path}", "--noplots")
    return predict.load(path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", photographs.KINDS, ids=lambda kind: kind.__name__)
def test_photographs_are_read(mnist_run, kind, tmp_path):
    """Six of each digit, in several sizes and strokes; measured: see docs/data.md."""
    recipe, params, _ = mnist_run
    rng = np.random.default_rng(1)
    pictures = []
    for number in range(60):
        size = [(120, 90), (200, 200), (300, 300), (240, 400)][number % 4]
        height, stroke = rng.uniform(0.4, 0.65), rng.choice([0.07, 0.1, 0.14, 0.18])
        slant, way = rng.uniform(0, 0.25), number // 10 % 2
        coverage = photographs.strokes(
            number % 10, size, height, height * stroke, slant=slant, way=way
        )
        kind(coverage, rng).save(tmp_path / "a.png")
        pictures.append(images.read_picture(tmp_path / "a.png", (28, 28)))
    guesses = likeness.guess(recipe, params, pictures)
    right = guesses.probabilities.argmax(axis=1) == np.arange(60) % 10
    assert right.mean() >= (0.95 if kind in photographs.CLEAN else 0.8)
    assert np.mean([bool(unlike) for unlike in guesses.unlike]) <= 0.1
