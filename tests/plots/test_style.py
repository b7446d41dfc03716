import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from experiments.plots import style as plot_style


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("test_accuracy", (97.125, 90.5, 100.0), "97.12 % (90.50 to 100.00)"),
        ("test_accuracy", (97.0, np.nan, np.nan), "97.00 %"),
        ("test_accuracy", (np.nan, np.nan, np.nan), "no value"),
        ("test_loss", (1234.5678, -0.12345, 1e30), "1235 (-0.123 to 1e+30)"),
        ("test_loss", (0.5, np.nan, np.nan), "0.5"),
    ],
)
def test_a_value_is_written_with_its_interval_and_unit(metric, values, expected):
    assert plot_style.interval_text(metric, *values).replace("\xa0", " ") == expected
    if metric == "test_accuracy":
        assert plot_style.factor(metric) == 100
        assert plot_style.title(metric) == "test accuracy (%)"
    else:
        assert plot_style.factor(metric) == 1
        assert plot_style.title(metric) == "test loss"


def test_a_figure_is_saved_pixel_for_pixel(tmp_path):
    path = plot_style.save(tmp_path / "a.png", Figure((2, 1), plot_style.DPI))
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (2 * plot_style.DPI, plot_style.DPI))


def test_the_width_of_a_text_is_that_on_the_page():
    figure = Figure((5, 1), plot_style.DPI)
    text = figure.text(0, 0.5, "learning rate 1e-05", size=8, family=plot_style.FONT)
    figure.draw_without_rendering()
    inches = text.get_window_extent().width / plot_style.DPI
    assert plot_style.text_width("learning rate 1e-05", 8) == pytest.approx(inches, rel=0.05)


def test_long_texts_lose_their_middle():
    assert plot_style.shortened("abcdefghijkl", 12) == "abcdefghijkl"
    assert plot_style.shortened("abcdefghijklm", 12) == "abcdefg…jklm"
