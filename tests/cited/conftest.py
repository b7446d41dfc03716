"""Three small sweeps, and a book that cites them."""

import pytest
from cited_books import book_in
from programs import call

from experiments import sweep
from experiments.cited.page import BEGIN, END
from experiments.data import sources


@pytest.fixture(scope="session")
def data():
    return sources.load("digits")


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """The folders of all commands, which have been run."""
    place = tmp_path_factory.mktemp("cited")
    for name, command in book_in(place).every.items():
        call(sweep, *command.flags, f"--workdir={place / name}")
    return place


@pytest.fixture
def book(tmp_path):
    """What is cited, with a README whose rows are to be written."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    return book_in(tmp_path)
