import pytest

from experiments.plots.layout import LEFT, Panel, page, wrapped
from experiments.plots.scales import WIDTH
from experiments.plots.style import DPI


def box(axes):
    """Left, top, width and height in inches from the top left of the page."""
    width, height = axes.figure.get_size_inches()
    at = axes.get_position()
    return (at.x0 * width, (1 - at.y1) * height, at.width * width, at.height * height)


def test_panels_lie_one_below_the_other_with_room_for_their_titles_and_legends():
    entries = [f"entry {i}" for i in range(30)]
    panels = [Panel(1.0), Panel(2.0, "heading", entries), Panel(1.5, title="third")]
    figure, axes, beside = page("title", ["a note", ""], panels)
    boxes = [box(each) for each in axes]
    assert [(left, width) for left, _, width, _ in boxes] == [pytest.approx((LEFT, WIDTH))] * 3
    assert [high for *_, high in boxes] == pytest.approx([1.0, 2.0, 1.5])
    first, second, third = (top for _, top, _, _ in boxes)
    assert second - first == pytest.approx(1.0 + 0.6)
    assert third - second == pytest.approx(0.2 + 30 * 0.2 + 0.2 + 0.6 + 0.3)
    assert [each.get_title(loc="left") or each.get_title() for each in axes] == ["", "", "third"]
    assert beside * figure.get_size_inches()[0] == pytest.approx(LEFT + WIDTH + 0.15)
    assert [text.get_text() for text in figure.texts] == ["title", "a note"]


def test_a_legend_is_beside_its_panel_and_within_the_page():
    panels = [Panel(1.0), Panel(2.0, "heading", ["x" * 40, "y " * 40])]
    made = page("title", [], panels)
    [line] = made.axes[1].plot([1, 2])
    made.legend(0, panels[0], [line])
    made.legend(1, panels[1], [line, line, line])
    [legend] = made.figure.legends
    made.figure.draw_without_rendering()
    extent = legend.get_window_extent()
    assert extent.x1 < made.figure.bbox.width
    assert extent.x0 > made.axes[1].get_window_extent().x1
    assert abs(extent.y1 - made.axes[1].get_window_extent().y1) < 0.1 * DPI
    assert [text.get_text() for text in legend.get_texts()] == [
        "x" * 40,
        "\n".join(wrapped("y " * 40)),
    ]


def test_more_room_below_is_below_each_panel():
    tall, plain = (page("t", [], [Panel(1), Panel(1)], below=each) for each in (0.4, 0.0))
    tops = [[box(axes)[1] for axes in each.axes] for each in (tall, plain)]
    assert tops[0][1] - tops[1][1] == pytest.approx(0.4)
    heights = [each.figure.get_size_inches()[1] for each in (tall, plain)]
    assert heights[0] - heights[1] == pytest.approx(0.8)
