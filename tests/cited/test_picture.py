"""The picture has a row for each command that was run, and the same bytes each time."""

import pytest
from matplotlib.figure import Figure

from experiments.cited import picture
from experiments.cited.catalogue import Command, Published

RECORDS = {
    "one": {"num_test": 100, "seeds": [0, 1], "errors": [4, 6]},
    "two": {"num_test": 100, "seeds": [0], "errors": [3]},
    "out": {"left_out": "why"},
}
COMMANDS = [Command(name, (), f"row {name}", "") for name in ("one", "none", "two", "out")]
PUBLISHED = [Published("theirs", 98.5, "somebody")]


@pytest.fixture
def seen(monkeypatch):
    """The figures that are saved."""
    found, save = [], Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *args, **kw: found.append(self) or save(self, *args, **kw)
    )
    return found


def test_each_row_has_its_own_errors(tmp_path, seen):
    picture.draw(tmp_path / "picture.svg", COMMANDS, RECORDS, PUBLISHED)
    (axes,) = seen[0].axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["row one", "row two", "theirs"]
    drawn = [(line.get_xdata(), line.get_ydata()) for line in axes.get_lines()]
    points = {(round(x, 6), round(y)) for xs, ys in drawn for x, y in zip(xs, ys, strict=True)}
    assert {(4, 0), (6, 0), (5, 0), (3, 1), (1.5, 2)} <= points
    assert {text.get_text() for text in axes.get_xticklabels()} >= {"1.5", "5"}
    ends = [xs for xs, ys in drawn if len(xs) == 2 and ys[0] > 0]
    assert pytest.approx([0.1, 5 + 12.7062], abs=1e-3) in [list(xs) for xs in ends]


def test_it_has_the_same_bytes_each_time(tmp_path, seen):
    for name in ("a", "b"):
        picture.draw(tmp_path / name, COMMANDS, RECORDS, PUBLISHED)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_text().startswith("<?xml")
