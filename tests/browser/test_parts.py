"""Parts of a page that are written by hand, and what a reader does with them."""

import numpy as np
import pens
import pytest
import report_pages
from photographs import strokes
from PIL import Image

import jaxmlp
from experiments.app import voters
from experiments.data import likeness
from experiments.data.images import read_picture

PICTURES = {"kind": "image", "shape": [28, 28], "draws": True, "examples": [], "likeness": None}
TASKS = {  # of pictures -> the task, the names of its answers, the spans of its values
    "classification": (jaxmlp.classification(3), ["a", "b", "c"], None),
    "binary": (jaxmlp.binary_classification(), ["no", "yes"], None),
    "multilabel": (jaxmlp.binary_classification(num_outputs=3), ["a", "b", "c"], None),
    "regression": (jaxmlp.regression(1), ["value"], [[-2.0, 2.0]]),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_picture_is_answered_by_each_task_as_the_programs_do(show, tmp_path, name):
    task, names, span = TASKS[name]
    recipe, params = report_pages.drawn(task, (784, 5, task.num_outputs))
    trial = report_pages.trial([(recipe, params)], names, PICTURES, span)
    page = show(report_pages.write(tmp_path / "page.html", network=trial))
    path = tmp_path / "six.png"
    Image.fromarray(np.uint8(255 * (1 - strokes(6, (300, 240))))).save(path)
    page.locator("input[type=file]").set_input_files(path)
    page.locator(".bar").first.wait_for()
    picture = read_picture(path, (28, 28))
    assert len(picture.rows) == 5
    if name == "binary":
        recipe = recipe._replace(task=task._replace(link=voters.no_and_yes))
    if name in ("classification", "binary"):
        expected = likeness.guess(recipe, params, [picture]).probabilities[0]
    else:
        expected = np.asarray(jaxmlp.predict(recipe, params, picture.rows[:1]))[0]
    texts = page.locator(".bar .value").all_inner_texts()
    if name == "regression":
        assert float(texts[0]) == pytest.approx(expected[0], abs=0.01)
        return
    assert list(pens.shares(page)) == names
    np.testing.assert_allclose([*pens.shares(page).values()], 100 * expected, atol=0.1)
    assert abs(expected.sum() - 1) > 0.1 or name != "multilabel"


def test_no_class_fits_is_said_of_pictures_alone(show, tmp_path):
    sure = report_pages.layered(jaxmlp.classification(6), np.zeros((4, 6)), np.zeros(6))
    example = {"label": "a", "dtype": "float32", "values": report_pages.encoded([1] * 4, "<f4")}
    row = {"kind": "row", "examples": [example]}
    for given in (row, PICTURES | {"shape": [2, 2], "draws": False, "examples": [example]}):
        trial = report_pages.trial([sure], list("abcdef"), given)
        page = show(report_pages.write(tmp_path / "page.html", network=trial))
        page.locator(".bar").first.wait_for()
        said = page.locator(".remark").inner_text()
        assert said == ("" if given is row else "unlike the training data: no class fits")
