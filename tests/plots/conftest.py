import functools

import pictures
import pytest
import run_pictures


@pytest.fixture
def figure_of(monkeypatch):
    """Draws a population, and gives the figure that would be saved."""
    return functools.partial(pictures.drawn, monkeypatch)


@pytest.fixture
def figure_of_run(monkeypatch):
    """Draws a run, and gives the figure that would be saved."""
    return functools.partial(run_pictures.drawn, monkeypatch)
