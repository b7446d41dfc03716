import functools

import pytest
from pictures import drawn


@pytest.fixture
def figure_of(monkeypatch):
    """Draws runs, and gives the figure that would be saved, with everything in its place."""
    return functools.partial(drawn, monkeypatch)
