import sys

import optax
import pytest
from tqdm import auto

from jaxmlp import Recipe, classification, digest, mlp, train, train_many
from jaxmlp.runtime import bars

RECIPE = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.02}, 16, 3)


class Bar:
    """Takes down what tqdm is told."""

    def __init__(self, **options):
        self.options, self.told, self.is_closed = options, [], False
        BARS.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.is_closed = True

    def set_postfix(self, figures):
        self.told.append((self.n, dict(figures)))


BARS = []


@pytest.fixture
def told(monkeypatch):
    monkeypatch.setattr(auto, "tqdm", Bar)
    BARS.clear()
    return BARS


def test_a_run_moves_its_bar_and_has_the_same_bits(told, blobs):
    epochs = []
    shown = train(RECIPE, blobs, 0, progress=True, callback=lambda p: epochs.append(p.history))
    (bar,) = told
    assert bar.options == {"total": 12, "unit": "step"}
    assert bar.is_closed
    places = [place for place, _ in bar.told]
    assert places == sorted(places)
    assert places[-1] == 12
    assert bar.told[-1][1] == {name: f"{v[-1]:.4g}" for name, v in shown.history.items()}
    assert len(epochs) == 3
    assert digest(shown.state) == digest(train(RECIPE, blobs, 0).state)


def test_a_population_moves_its_bar(told, blobs):
    runs = train_many(RECIPE, blobs, range(2), progress=True)
    (bar,) = told
    assert bar.options == {"total": 3, "unit": "epoch"}
    assert bar.told[-1] == (3, {"members": 0})
    assert digest(runs.member(seed=1).state) == digest(train(RECIPE, blobs, 1).state)


def test_hooks_still_stop_training(told, blobs):
    assert int(train(RECIPE, blobs, 0, progress=True, on_block=lambda _: True).state.step) == 1
    run = train(RECIPE, blobs, 0, progress=True, callback=lambda _: True)
    assert len(run.history["train_loss"]) == 1
    assert all(bar.is_closed for bar in told)


def test_without_being_asked_there_is_no_bar_and_no_import(told, blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    train(RECIPE, blobs, 0)
    train_many(RECIPE, blobs, [0])
    assert told == []


def test_a_missing_package_is_named_in_one_line(blobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    message = "^progress=True needs the package tqdm, got none: pip install tqdm$"
    with pytest.raises(ImportError, match=message):
        train(RECIPE, blobs, 0, progress=True)


def test_tqdm_itself_draws_it(capfd):
    with bars.moving(True, 4, "step", lambda at: (at, {"loss": "0.5"}), None) as (hook,):
        assert hook(4) is None
    assert "4/4" in capfd.readouterr().err
