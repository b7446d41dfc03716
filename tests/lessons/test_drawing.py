import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba
from PIL import Image

from experiments.lessons import drawing, surfaces
from jaxmlp.populations.runs import Runs


def runs(metric, values):
    values = np.float32(values)
    axes = {"seed": tuple(range(len(values)))}
    return Runs(axes, {metric: values}, np.ones(len(values)), (), np.zeros((len(values), 2)), {})


def curves(metric, seconds=None, **values):
    _, (axes,) = drawing.sheet("", 1)
    drawing.curves(
        axes, {name: runs(metric, each) for name, each in values.items()}, metric, seconds
    )
    return axes


def test_curves_are_means_over_seeds_by_epoch_in_the_order_of_their_names():
    axes = curves("test_accuracy", a=[[0.25, 0.5], [0.75, 1.0]], b=[[0.5, 0.5], [0.5, 0.5]])
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    assert [line.get_color() for line in axes.lines] == list(drawing.COLOURS[:2])
    assert axes.lines[0].get_xdata().tolist() == [1, 2]
    assert axes.lines[0].get_ydata().tolist() == [0.5, 0.75]
    assert (axes.get_title(), axes.get_xlabel()) == ("test accuracy", "epoch")
    assert all(float(place).is_integer() for place in axes.get_xticks())


def test_curves_are_by_time_where_an_epochs_seconds_are_known():
    axes = curves("train_loss", {"a": 2.0, "b": 0.5}, a=[[1, 2], [1, 2]], b=[[1, 2], [1, 2]])
    assert [line.get_xdata().tolist() for line in axes.lines] == [[2, 4], [0.5, 1]]
    assert axes.get_xlabel() == "seconds of training"


def test_shares_are_shown_from_0_to_1_however_wide_the_band():
    wide = [[0.1, 0.5], [0.9, 0.6]]
    assert curves("test_accuracy", a=wide).get_ylim() == (0, 1)
    low, high = curves("train_loss", a=wide).get_ylim()
    assert low < 0 < 1 < high
    low, high = curves("test_accuracy", a=[[0.5, 0.6], [0.5, 0.6]]).get_ylim()
    assert 0.4 < low < 0.5 < 0.6 < high < 0.7


@pytest.mark.parametrize(
    ("values", "log", "expected"),
    [([1, 2, 3], False, (2, -0.4841377, 4.4841377)), ([1, 2, 4], True, (2, 0.3574621, 11.1899967))],
)
def test_a_band_is_students_interval_about_the_mean(values, log, expected):
    _, (axes,) = drawing.sheet("", 1)
    drawing.band(axes, [5, 6], np.repeat(values, 2).reshape(3, 2), "a", "red", log)
    (line,), (area,) = axes.lines, axes.collections
    assert line.get_xydata().tolist() == pytest.approx(
        np.array([[5, expected[0]], [6, expected[0]]])
    )
    heights = area.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx(expected[1:], rel=1e-5)


def test_a_sheet_has_its_title_and_a_rows_height_each():
    figure, panels = drawing.sheet("What it is", 2, 3, 1.5)
    assert (figure.get_suptitle(), len(panels)) == ("What it is", 6)
    assert figure.get_size_inches().tolist() == pytest.approx([9.6, 4.9])


def test_a_region_is_where_its_points_are_and_they_have_its_colours():
    _, (axes,) = drawing.sheet("", 1)
    inputs, labels = np.array([[0, 0], [1, 2], [2, 0]]), np.array([0, 1, 0])
    drawing.regions(axes, lambda points: points[:, 0], inputs, labels)
    (image,) = axes.images
    values = np.asarray(image.get_array())
    assert image.get_extent() == pytest.approx((-0.4, 2.4, -0.4, 2.4))
    assert (image.origin, image.get_clim()) == ("lower", (-1, 1))
    corners = values[0, 0], values[0, -1], values[-1, 0]  # low; on the right; above
    assert corners == pytest.approx((-0.4, 2.4, -0.4))
    assert image.get_cmap()(0.0) == to_rgba(drawing.BLUE)
    assert image.get_cmap()(1.0) == to_rgba(drawing.ORANGE)
    found = [
        (dots.get_label(), dots.get_offsets().tolist(), tuple(dots.get_facecolor()[0]))
        for dots in axes.collections
    ]
    assert found == [
        ("target 0", [[0, 0], [2, 0]], to_rgba(drawing.BLUE)),
        ("target 1", [[1, 2]], to_rgba(drawing.ORANGE)),
    ]


def test_a_matrix_is_white_at_0_and_reaches_as_far_as_its_largest_entry():
    _, panels = drawing.sheet("", 3)
    for panel, values, options in (
        (panels[0], [[-3, 1]], {}),
        (panels[1], [[0, 0]], {}),
        (panels[2], [[-3, 1]], {"vmax": 5}),
    ):
        drawing.matrix(panel, np.array(values), **options)
    assert [panel.images[0].get_clim() for panel in panels] == [(-3, 3), (-1, 1), (-3, 5)]
    assert not any(panel.get_xticks().size or panel.get_yticks().size for panel in panels)


def test_intervals_stand_side_by_side_above_what_they_are_of():
    _, (axes,) = drawing.sheet("", 1)
    same = 1.0 + 2**-52  # which rounding put above the mean
    drawing.intervals(axes, [1, 64], [(0.5, 0.25, 2.0), (1.0, same, same)])
    assert axes.lines[0].get_xydata().tolist() == [[0, 0.5], [1, 1]]
    (bars,) = axes.collections
    first, second = bars.get_segments()
    assert first.tolist() == [[0, 0.25], [0, 2]]
    assert second == pytest.approx(np.array([[1, 1], [1, 1]]))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1", "64"]


def test_a_picture_that_is_there_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path, drawn = tmp_path / "picture.png", Image.Image.save

    def fail(self, file, **given):
        if "optimize" not in given:
            return drawn(self, file, **given)
        file.write(b"half")
        raise OSError("full")

    path.write_bytes(b"before")
    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OSError, match="full"):
        drawing.save(path, drawing.sheet("", 1)[0])
    assert path.read_bytes() == b"before"


def test_panels_begin_with_the_first_colour():
    _, panels = drawing.sheet("", 2)
    for panel in panels:
        panel.plot([0, 1])
        panel.plot([1, 0])
        assert [line.get_color() for line in panel.lines] == list(drawing.COLOURS[:2])


def test_walks_begin_at_a_dot_and_minima_are_stars():
    _, (axes,) = drawing.sheet("", 1)
    paths = {
        "sgd": np.array([[[1, 1], [0.5, 0.2]], [[-1, 1], [0, 0.1]]]),
        "adam": np.zeros((2, 2, 2)),
    }
    surfaces.draw(axes, "wells", paths)
    lines = {line.get_label(): line for line in axes.lines if line.get_label()[0] != "_"}
    assert list(lines) == ["sgd", "adam"]
    assert lines["sgd"].get_xydata().tolist() == [[1, 1], [0.5, 0.2]]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert dots[0].get_xydata().tolist() == [[1, 1], [-1, 1]]
    (stars,) = (line for line in axes.lines if line.get_marker() == "*")
    assert stars.get_xydata() == pytest.approx(np.array([[-1.0356, 0], [0.9601, 0]]), abs=1e-3)


def test_a_saved_picture_keeps_the_colours_of_lines(tmp_path):
    random = np.random.default_rng(0)
    figure, axes = drawing.sheet("", 2, 2)
    for height, colour in enumerate(drawing.COLOURS):
        drawing.band(axes[0], range(5), 3 * height + random.normal(size=(6, 5)), "", colour)
    for panel in axes[1:]:
        drawing.matrix(panel, random.normal(size=(40, 40)))
    drawing.save(tmp_path / "picture.png", figure)
    figure.savefig(tmp_path / "drawn.png")
    with Image.open(tmp_path / "picture.png") as saved, Image.open(tmp_path / "drawn.png") as drawn:
        saved_as, meant = (np.array(each.convert("RGB")).astype(int) for each in (saved, drawn))
    for colour in drawing.COLOURS:
        wanted = np.round(255 * np.array(to_rgb(colour)))
        places = (meant == wanted).all(axis=-1)
        assert places.sum() > 100
        assert abs(saved_as[places] - wanted).max() < 10, colour
