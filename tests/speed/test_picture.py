import matplotlib
import peer_stubs
import pytest
from matplotlib.image import imread

from experiments.plots.style import BLUE, GREY, STYLE
from experiments.speed import picture


@pytest.fixture
def drawn(monkeypatch):
    """The panels that would be saved."""
    figures = []
    monkeypatch.setattr(picture, "save", lambda path, figure: figures.append(figure))

    def draw(found):
        picture.draw(found, "anywhere")
        with matplotlib.rc_context(STYLE):
            figures[-1].draw_without_rendering()
        return figures[-1].axes

    return draw


def test_each_that_trained_has_a_point_its_quartiles_and_its_starts(drawn):
    seconds, starts = drawn({"peers": peer_stubs.figures()})
    points = [line for line in seconds.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in points] == [2.0, 1.0, 6.0]
    assert [line.get_ydata()[0] for line in points] == [0, 1, 2]
    assert [line.get_color() for line in points] == [BLUE, BLUE, GREY]
    spans = [list(line.get_xdata()) for line in seconds.lines if line not in points]
    assert spans == [[2.0, 2.0], [1.0, 1.0], [5.5, 6.5]]
    assert [text.get_text() for text in seconds.texts] == [
        "2 s, x 2.00",
        "1 s, x 1.00",
        "6 s, x 6.00",
    ]
    for panel in (seconds, starts):
        names = [text.get_text() for text in panel.get_yticklabels()]
        assert names == ["train", "train_many", "a slow one"]
        assert panel.yaxis_inverted()
    bars = [bar for bar in starts.patches if bar.get_width()]
    assert len(bars) == 3 * 2 * 3  # peers, cold and warm, stages
    assert [(bar.get_x(), bar.get_width()) for bar in bars[:3]] == [(0, 1), (1, 0.25), (1.25, 7)]
    assert [bar.get_width() for bar in bars[3:6]] == [1, 0.25, 3]
    cold, warm = bars[0], bars[3]
    assert cold.get_y() < 0 < warm.get_y() + warm.get_height()  # cold above, on inverted axes
    stages = [text.get_text() for text in starts.get_legend().get_texts()]
    assert stages == ["import", "read the data", "compile and train an epoch"]


def test_what_grows_has_a_line_by_what_it_usually_is(drawn):
    seconds, memory = drawn({"scaling": peer_stubs.growth()})
    for panel, heights in ((seconds, [2, 8]), (memory, [2**10, 3 * 2**10])):
        [line] = panel.lines
        assert list(line.get_xdata()) == [0.25, 1]
        assert list(line.get_ydata()) == heights
    assert [text.get_text() for text in memory.get_legend().get_texts()] == ["width 256"]


def test_both_are_one_picture_of_four_panels(tmp_path):
    found = {"peers": peer_stubs.figures(), "scaling": peer_stubs.growth()}
    picture.draw(found, tmp_path / "picture.png")
    assert imread(tmp_path / "picture.png").shape[1] == pytest.approx(9.6 * 120, abs=2)


def test_where_nothing_trained_there_is_nothing_to_draw(drawn):
    lost = [row for row in peer_stubs.figures()["rows"] if not row["epoch_seconds"]]
    failed = [row for row in peer_stubs.growth() if row["failed"]]
    assert drawn({"peers": {"rows": lost}, "scaling": failed}) == []
