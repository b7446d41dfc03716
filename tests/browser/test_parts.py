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


CLASSES = [f"class {i}" for i in range(20)]
COUNTS = (1 + np.arange(400).reshape(20, 20)).tolist()
MATRIX = {"num_right": 1, "num_examples": 9, "classes": CLASSES, "counts": COUNTS}
MATRIX |= {"shades": np.zeros((20, 20), int).tolist(), "pairs": []}
WRONG = [{"index": i, "label": 0, "guess": 1, "confidence": 0.5} for i in range(30)]
EXAMPLES = {"rows": WRONG, "num_wrong": 30, "num_wrong_here": 30, "columns": ["x"], "shape": None}
EXAMPLES |= {"values": [[str(i)] for i in range(30)]}
WEIGHTS = 128 + np.arange(-18, 18).reshape(2, 18)  # of 2 units, from 2 x 3 pixels of 3 colours
LAYER = {"units": [7, 2], "norms": [2.0, 1.0], "num_units": 9, "limit": 127, "shape": [2, 3, 3]}
LAYER |= {"weights": report_pages.encoded(WEIGHTS, np.uint8)}


def test_arrows_go_through_a_matrix_as_they_point(show, tmp_path):
    page = show(report_pages.write(tmp_path / "page.html", confusion=MATRIX, examples=EXAMPLES))
    page.locator("#confusion button").first.focus()
    where = "[document.activeElement.dataset.label, document.activeElement.dataset.guess].join()"
    keys = {"Right": "0,1", "Down": "1,1", "Left": "1,0", "Up": "0,0"}
    for key, place in keys.items():
        page.keyboard.press(f"Arrow{key}")
        assert page.evaluate(where) == place


def test_names_of_rows_stay_while_a_matrix_moves_sideways(show, tmp_path):
    path = report_pages.write(tmp_path / "page.html", confusion=MATRIX, examples=EXAMPLES)
    page = show(path, width=360)
    head = page.locator("#confusion tbody th").nth(3)
    before = head.bounding_box()["x"]
    scrolled = "(each) => (each.parentElement.scrollLeft = 400, each.parentElement.scrollLeft)"
    assert page.locator("#confusion").evaluate(scrolled) == 400
    assert head.bounding_box()["x"] == pytest.approx(before, abs=3)
    assert head.bounding_box()["width"] < 360 / 3


def test_more_mistakes_are_those_that_were_not_there(show, tmp_path):
    page = show(report_pages.write(tmp_path / "page.html", confusion=MATRIX, examples=EXAMPLES))
    values = page.locator("#examples dd")
    assert values.all_inner_texts() == [str(i) for i in range(24)]
    page.get_by_role("button", name="Show 6 more").click()
    assert values.all_inner_texts() == [str(i) for i in range(30)]
    assert page.get_by_role("button", name="more").count() == 0


def test_a_weight_is_said_where_the_pointer_and_the_keys_are(show, tmp_path):
    page = show(report_pages.write(tmp_path / "page.html", first_layer=LAYER))
    large, said = page.locator(".large canvas"), page.locator("#first_layer output")
    whole = "unit 7, norm 2, weights from -18 to -1"
    assert said.inner_text() == whole
    box = large.bounding_box()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.6 * box["height"])
    assert said.inner_text() == "row 1, column 2: -3, -2, -1"
    page.mouse.move(0, 0)
    assert said.inner_text() == whole
    assert not page.locator(".large .at").is_visible()
    page.locator(".unit").nth(1).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert said.inner_text() == "row 0, column 0: 0, 1, 2"
    for key in ("Right", "Down", "Down", "Right", "Left"):
        page.keyboard.press(f"Arrow{key}")
    assert said.inner_text() == "row 1, column 1: 12, 13, 14"
    mark, box = page.locator(".large .at").bounding_box(), large.bounding_box()
    assert mark["x"] == pytest.approx(box["x"] + box["width"] / 3, abs=1)
    assert mark["y"] == pytest.approx(box["y"] + box["height"] / 2, abs=1)
    page.keyboard.press("Tab")
    assert said.inner_text() == "unit 2, norm 1, weights from 0 to 17"


def test_units_are_ordered_by_norm_or_by_number(show, tmp_path):
    page = show(report_pages.write(tmp_path / "page.html", first_layer=LAYER))
    units, order = page.locator(".unit"), page.get_by_label("Order:")
    for by, first in ((None, "7"), ("by number", "2"), ("largest norm first", "7")):
        if by:
            order.select_option(label=by)
        assert units.first.get_attribute("aria-label").startswith(f"unit {first}, ")


def test_counts_names_and_pictures_are_printed(show, tmp_path):
    parts = {"confusion": MATRIX, "examples": EXAMPLES, "first_layer": LAYER}
    receipt = report_pages.RECEIPT
    page = show(report_pages.write(tmp_path / "page.html", **parts, receipt=receipt))
    for name in (".copy", "#first_layer .order", "button.more"):
        assert page.locator(name).is_visible(), name
    page.emulate_media(media="print")
    for name in (".copy", "#first_layer .order", "button.more"):
        assert not page.locator(name).is_visible(), name
    assert page.locator("#confusion button").nth(7).inner_text() == "8"
    for name in ("#confusion button", ".unit canvas", ".large canvas"):
        assert page.locator(name).first.is_visible(), name


def test_a_command_goes_to_the_clipboard(show, tmp_path):
    page = show(report_pages.write(tmp_path / "page.html", receipt=report_pages.RECEIPT))
    page.evaluate("navigator.clipboard.writeText = async (text) => { globalThis.copied = text; }")
    page.locator(".copy").click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("copied") == "python -m experiments.verify 'a run'"


def test_a_name_in_the_legend_hides_its_line(show, tmp_path):
    keys = {"name": "loss", "is_share": False}
    series = [{"name": name, "values": [1, 2]} for name in ("train", "test")]
    curves = {"panels": [keys | {"series": series}], "note": ""}
    page = show(report_pages.write(tmp_path / "page.html", curves=curves))
    lines = page.locator(".plot path.line")
    classes = "all => all.map((each) => each.getAttribute('class'))"
    assert lines.evaluate_all(classes) == ["line train", "line test"]
    page.get_by_role("button", name="train").click()
    assert lines.evaluate_all(classes) == ["line test"]
    page.get_by_role("button", name="train").click()
    assert lines.evaluate_all(classes) == ["line train", "line test"]


def test_a_residual_is_the_answer_less_the_true_value(show, tmp_path):
    found = {"name": "y", "rows": [0, 1], "labels": [1.0, 5.0], "answers": [4.0, 4.5], "error": 1}
    values = {"num_examples": 2, "values": [found]}
    page = show(report_pages.write(tmp_path / "page.html", values=values))
    residuals = page.locator(".chart").nth(1)
    residuals.locator("summary").click()
    cells = residuals.locator("td").all_inner_texts()
    assert cells == ["4", "3", "4.5", "-0.5"]


@pytest.mark.parametrize("pixel", [(255, 0, 0, 255), (0, 0, 255, 255), (0, 0, 0, 0)])
def test_a_file_s_colours_are_the_network_s_and_nothing_is_white(show, tmp_path, pixel):
    kernel = np.concatenate([np.tile(np.eye(3), (16, 1)), np.zeros((48, 1))], axis=1)
    made = report_pages.layered(jaxmlp.classification(4), kernel / 2, [0, 0, 0, 5])
    given = PICTURES | {"shape": [4, 4, 3], "draws": False}
    names = ["red", "green", "blue", "dark"]
    trial = report_pages.trial([made], names, given)
    page = show(report_pages.write(tmp_path / "page.html", network=trial))
    path = tmp_path / "colour.png"
    Image.new("RGBA", (8, 8), pixel).save(path)
    page.locator("input[type=file]").set_input_files(path)
    page.locator(".bar").first.wait_for()
    expected = jaxmlp.predict(*made, read_picture(path, (4, 4, 3)).rows)[0]
    assert np.argmax(expected) == {255: 0, 0: 2}[pixel[0]] or not pixel[3]
    np.testing.assert_allclose([*pens.shares(page).values()], 100 * expected, atol=0.1)


def test_networks_spread_by_their_standard_deviation(show, tmp_path):
    task, kernel = jaxmlp.regression(1), np.zeros((1, 1))
    networks = [report_pages.layered(task, kernel, [bias]) for bias in (1, 3)]
    example = {"label": "a", "dtype": "float32", "values": report_pages.encoded([1], "<f4")}
    given = {"kind": "row", "examples": [example]}
    trial = report_pages.trial(networks, ["y"], given, [[0.0, 10.0]])
    page = show(report_pages.write(tmp_path / "page.html", network=trial))
    assert page.locator(".answer").inner_text() == "y 2 ± 1.4"


def test_a_row_of_another_category_is_shown_and_asked_as_one(show, tmp_path):
    town = {"name": "town", "kind": "category", "categories": ["Bonn", "Ulm"], "has_other": True}
    made = report_pages.layered(jaxmlp.regression(1), [[1], [2], [4], [8]], [0])
    values = report_pages.encoded([0, 0, 1, 0], "<f4")
    example = {"label": "4", "dtype": "float32", "values": values}
    columns = [town | {"has_missing": True}]
    given = {"kind": "form", "preparations": [{"columns": columns}], "examples": [example]}
    trial = report_pages.trial([made], ["y"], given, [[0.0, 8.0]])
    page = show(report_pages.write(tmp_path / "page.html", network=trial))
    page.get_by_label("Start from").select_option(label="test row 1: 4")
    assert page.locator(".answer").inner_text() == "y 4"
    field = page.get_by_label("town")
    assert field.locator("option:checked").inner_text() == "another"
    assert page.locator(".mark").inner_text() == "new or rare among the training rows"
    field.select_option(label="missing")
    assert page.locator(".answer").inner_text() == "y 8"
    assert page.locator(".remark").inner_text() == ""
