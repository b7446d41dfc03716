import gpu_stubs as stubs
import matplotlib
from matplotlib.image import imread

from experiments.plots.style import STYLE
from experiments.speed.gpu import picture


def drawn(monkeypatch, **more):
    figures = []
    monkeypatch.setattr(picture, "save", lambda path, figure: figures.append(figure))
    picture.draw(stubs.figures(**more), "anywhere")
    with matplotlib.rc_context(STYLE):
        figures[0].draw_without_rendering()
    return figures[0]


def test_a_network_has_a_panel_and_a_precision_a_line_beside_the_expected(monkeypatch):
    figure = drawn(monkeypatch)
    wide, narrow = figure.axes
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["784-256-10", "784-32-10"]
    plain, expected, tf32, _ = wide.lines
    assert [list(plain.get_xdata()), list(plain.get_ydata())] == [[1, 8], [20, 100]]
    assert [list(expected.get_ydata()), expected.get_linestyle()] == [[40, 200], "--"]
    assert expected.get_color() == plain.get_color() != tf32.get_color()
    assert list(narrow.lines[1].get_xdata()) == []  # what nobody expects
    names = [text.get_text() for text in wide.get_legend().get_texts()]
    assert names == ["float32", "tf32"]
    assert [text.get_text() for text in narrow.get_legend().get_texts()] == ["float32"]
    assert [text.get_text() for text in wide.get_xticklabels()] == ["1", "8"]
    assert len(wide.xaxis.get_minor_ticks()) == 0
    assert figure.get_suptitle() == "NVIDIA H100, 2026-11-22"


def test_a_rehearsal_says_so(monkeypatch):
    assert drawn(monkeypatch, rehearsal=True).get_suptitle() == picture.REHEARSAL


def test_it_is_a_picture_even_of_nothing(tmp_path):
    picture.draw(stubs.figures(population=[]), tmp_path / "gpu.png")
    assert imread(tmp_path / "gpu.png").ndim == 3
