import itertools

import matplotlib
import numpy as np
import pytest

from experiments.plots.layout import LEFT, arrange, legend, panels, wrapped
from experiments.plots.scales import WIDTH
from experiments.plots.style import DPI, STYLE


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context(STYLE):
        yield


def box(axes):
    """Left, top, width and height in inches from the top left of the page."""
    width, height = axes.figure.get_size_inches()
    at = axes.get_position()
    return (at.x0 * width, (1 - at.y1) * height, at.width * width, at.height * height)


def test_panels_keep_their_size_whatever_is_around_them():
    figure, axes = panels(1.0, 2.0, 1.5)
    assert [box(each) for each in axes] == [
        pytest.approx(each) for each in ((0, 0, 5, 1), (0, 1, 5, 2), (0, 3, 5, 1.5))
    ]
    axes[0].set_title("first", pad=10)
    [line] = axes[1].plot([1, 2])
    legend(axes[1], [line] * 30, [f"entry {i}" for i in range(30)], "heading")
    axes[2].set_title("third", pad=10)
    arrange(figure, "title", ["a note", ""])
    boxes = [box(each) for each in axes]
    assert [(left, width) for left, _, width, _ in boxes] == [pytest.approx((LEFT, WIDTH))] * 3
    assert [high for *_, high in boxes] == pytest.approx([1.0, 2.0, 1.5])
    first, second, third = (top for _, top, _, _ in boxes)
    assert 0.6 < first < 0.9
    assert 1.3 < second - first < 1.7
    assert third - second > 30 * 0.16
    assert [text.get_text() for text in figure.texts] == ["title", "a note"]
    title, note = (text.get_window_extent() for text in figure.texts)
    written = [title, *(each.get_tightbbox() for each in axes), note]
    gaps = [above.y0 - below.y1 for above, below in itertools.pairwise(written)]
    assert min(gaps) > 0.1 * DPI
    assert 0 < note.y0 < title.y1 < figure.bbox.height


def test_a_legend_is_beside_its_panel_and_within_the_page():
    figure, axes = panels(1.0, 2.0)
    [line] = axes[1].plot([1, 2])
    legend(axes[0], [line], [])
    legend(axes[1], [line, line, line], ["x" * 40, "$y " * 40], "$heading")
    arrange(figure, "title", [])
    figure.draw_without_rendering()
    assert axes[0].get_legend() is None
    made = axes[1].get_legend()
    extent, panel = made.get_window_extent(), axes[1].get_window_extent()
    assert extent.x1 < figure.bbox.width
    assert 0 < extent.x0 - panel.x1 < 0.3 * DPI
    assert abs(extent.y1 - panel.y1) < 0.1 * DPI
    assert [text.get_text() for text in made.get_texts()] == [
        "x" * 40,
        "\n".join(wrapped("$y " * 40)),
    ]


def test_names_left_of_a_panel_and_texts_right_of_it_have_room():
    figure, [axes] = panels(1.0)
    axes.set_yticks([0, 1], ["a name that is much longer than the usual ticks", "b"])
    axes.text(1.02, 0.5, "an estimate right of it", transform=axes.transAxes)
    arrange(figure, "title", [])
    figure.draw_without_rendering()
    [name, _] = axes.get_yticklabels()
    assert 0.1 * DPI < name.get_window_extent().x0 < 0.2 * DPI
    assert figure.bbox.width - 0.2 * DPI < axes.texts[0].get_window_extent().x1
    assert axes.texts[0].get_window_extent().x1 < figure.bbox.width
    assert box(axes)[2:] == pytest.approx((WIDTH, 1))


def test_a_long_title_widens_the_page_and_long_notes_are_broken_into_lines():
    figure, [axes] = panels(1.0)
    arrange(figure, "a long title " * 12, ["note " * 50 + "end", "", "last"])
    figure.draw_without_rendering()
    title, *notes = figure.texts
    assert len(notes) == 2
    assert " ".join(text.get_text() for text in notes) == "note " * 50 + "end; last"
    boxes = [text.get_window_extent() for text in (title, axes, *notes)]
    assert all(above.y0 >= below.y1 - 1 for above, below in itertools.pairwise(boxes))
    assert max(each.x1 for each in boxes) < figure.bbox.width
    assert boxes[-1].y0 > 0
    lefts = [each.get_position()[0] for each in figure.texts]
    assert np.ptp(lefts) == 0
