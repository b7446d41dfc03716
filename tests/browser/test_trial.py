"""What a reader asks the network in the page is answered as the programs answer it."""

import base64
import json
import re

import numpy as np
import optax
import pens
import pytest
from photographs import STROKES, strokes
from PIL import Image

import jaxmlp
from experiments.app import recipes
from experiments.data import likeness, sources
from experiments.data.images import read_picture
from experiments.folder import records

EVIL = "<script>alert('x')</script>"
WAYS = [(digit, way) for digit, ways in STROKES.items() for way in range(len(ways))]


@pytest.fixture(scope="module")
def mnist_page(browser, mnist_run):
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.goto((mnist_run / "report.html").as_uri())
    yield page
    context.close()


def seen(page):
    """The picture that the page says that the network sees, (height, width) from 0 to 1."""
    text = page.locator(".seen canvas").evaluate(
        "(sheet) => { const { data } = sheet.getContext('2d').getImageData(0, 0, sheet.width, "
        "sheet.height); return btoa(String.fromCharCode(...data)) + ' ' + sheet.width; }"
    )
    pixels, width = text.split(" ")
    return (
        np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(-1, int(width), 4)[..., 0] / 255
    )


def network_of(folder):
    """The recipe and the parameters of a run."""
    config = records.read_config(folder / "config.json")
    return recipes.recipe(config), jaxmlp.load_params(folder / "params.npz")


def saved(page, path):
    """The drawing as a file: ink on nothing, which counts as white."""
    text = page.locator(".sheet").evaluate("(sheet) => sheet.toDataURL('image/png')")
    path.write_bytes(base64.b64decode(text.partition(",")[2]))
    return path


def test_a_drawn_3_is_a_3_while_it_is_drawn(show, digits_run):
    page = show(digits_run / "report.html")
    assert pens.answer(page) == ""
    pens.digit(page, 3)
    assert pens.answer(page) == "3"
    shares = pens.shares(page)
    assert list(shares) == list("0123456789")
    assert max(shares, key=shares.get) == "3"
    assert sum(shares.values()) == pytest.approx(100, abs=0.6)
    assert page.locator(".bar.best .name").inner_text() == "3"
    page.get_by_role("button", name="Clear").click()
    pens.settle(page)
    assert pens.shares(page) == {}


def test_drawn_digits_are_taken_for_what_they_are(mnist_page):
    """Of mnist's classic network after 3 epochs: all 14 that are drawn here."""
    right = 0
    for number, way in WAYS:
        pens.digit(mnist_page, number, way)
        right += pens.answer(mnist_page) == str(number)
    assert right >= len(WAYS) - 1


def test_digits_of_8x8_are_taken_for_what_they_are(show, digits_run):
    page = show(digits_run / "report.html")
    right = 0
    for number in STROKES:
        pens.digit(page, number)
        right += pens.answer(page) == str(number)
    assert right >= 8


@pytest.mark.parametrize("number", [2, 5])
def test_a_drawing_is_answered_as_predict_answers_its_file(tmp_path, mnist_page, mnist_run, number):
    pens.digit(mnist_page, number)
    picture = read_picture(saved(mnist_page, tmp_path / "drawing.png"), (28, 28))
    np.testing.assert_allclose(seen(mnist_page).ravel(), picture.rows[0], atol=0.05)
    recipe, params = network_of(mnist_run)
    guessed = likeness.guess(recipe, params, [picture])
    expected = 100 * guessed.probabilities[0]
    np.testing.assert_allclose([*pens.shares(mnist_page).values()], expected, atol=1)
    assert guessed.unlike == [""]


def test_a_test_example_is_answered_as_the_library_answers_it(show, digits_run):
    page = show(digits_run / "report.html")
    recipe, params = network_of(digits_run)
    data = sources.load("digits")
    thumbs = page.locator(".thumbs button")
    assert thumbs.count() == 20
    for place in (0, 13):
        thumbs.nth(place).click()
        pens.settle(page)
        label = place % 10
        assert thumbs.nth(place).get_attribute("aria-label") == f"test example: {label}"
        row = np.flatnonzero(data.test_labels == label)[place // 10]
        probabilities = jaxmlp.predict(recipe, params, data.test_inputs[row : row + 1])[0]
        np.testing.assert_allclose([*pens.shares(page).values()], 100 * probabilities, atol=0.1)
        pixels = data.test_inputs[row].reshape(8, 8)
        np.testing.assert_allclose(seen(page), pixels, atol=0.51 / 255)


def test_keys_draw_undo_and_clear(show, digits_run):
    page = show(digits_run / "report.html")
    page.locator(".sheet").focus()
    press = page.keyboard.press
    for _ in range(6):
        press("ArrowUp")
    press(" ")
    for _ in range(12):
        press("ArrowDown")
    press(" ")
    pens.settle(page)
    assert pens.answer(page) == "1"
    one = pens.shares(page)
    press("ArrowRight")  # the pen is up
    pens.settle(page)
    assert pens.shares(page) == one
    press(" ")
    press("ArrowLeft")
    press("ArrowLeft")
    press("ArrowLeft")
    pens.settle(page)
    assert pens.shares(page) != one
    press("Backspace")
    pens.settle(page)
    assert pens.shares(page) == one
    press("Delete")
    pens.settle(page)
    assert pens.shares(page) == {}


def test_undo_takes_back_a_stroke_and_a_finger_draws(show, digits_run):
    page = show(digits_run / "report.html", has_touch=True)
    pens.draw(page, [[(0.5, 0), (0.5, 1)]])
    one = pens.shares(page)
    pens.draw(page, [[(0.5, 0), (0.5, 1)], [(0, 0.5), (1, 0.5)]])
    assert pens.shares(page) != one
    page.get_by_role("button", name="Undo").click()
    pens.settle(page)
    assert pens.shares(page) == one
    page.get_by_role("button", name="Clear").click()
    page.locator(".sheet").tap()
    pens.settle(page)
    assert page.locator(".remark").inner_text() == "unlike the training data: a blot"


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ([[(x, y / 4) for y in range(5) for x in ((0, 1), (1, 0))[y % 2]]], "tangled"),
        ([[(0, 0.5), (1, 0.5)]], "wide"),
        ([[(0, 1), (0, 0), (0.5, 0.6), (1, 0), (1, 1)]], "far from every class"),
    ],
)
def test_a_drawing_unlike_the_training_data_is_marked(mnist_page, shape, words):
    pens.draw(mnist_page, shape)
    assert mnist_page.locator(".remark").inner_text() == f"unlike the training data: {words}"


def test_a_picture_file_is_read_here(show, digits_run, tmp_path):
    page = show(digits_run / "report.html")
    image = Image.fromarray(np.uint8(255 * (1 - strokes(6, (300, 240)))))
    image.save(tmp_path / "six.png")
    page.locator("input[type=file]").set_input_files(tmp_path / "six.png")
    page.locator(".bar").first.wait_for()
    pens.settle(page)
    recipe, params = network_of(digits_run)
    picture = read_picture(tmp_path / "six.png", (8, 8))
    expected = 100 * likeness.guess(recipe, params, [picture]).probabilities[0]
    np.testing.assert_allclose([*pens.shares(page).values()], expected, atol=0.1)
    bad = tmp_path / "none.png"
    bad.write_text("no picture")
    page.locator("input[type=file]").set_input_files(bad)
    page.get_by_text("none.png: no picture that this browser can read").wait_for()
    assert pens.shares(page) == {}


def test_a_form_answers_as_its_fields_change(show, iris_run):
    page = show(iris_run / "report.html")
    recipe, params = network_of(iris_run)
    row = [5.1, 3.5, 1.4, 0.2]
    for number, value in enumerate(row):
        page.get_by_label(f"input {number}").fill(str(value))
    assert pens.answer(page) == "setosa"
    expected = jaxmlp.predict(recipe, params, np.float32([row]))[0]
    np.testing.assert_allclose([*pens.shares(page).values()], 100 * expected, atol=0.15)
    page.get_by_label("input 2").fill("5.6")
    page.get_by_label("input 3").fill("2.4")
    assert pens.answer(page) != "setosa"
    page.get_by_label("input 0").fill("60")
    mark = page.locator("#field-0-mark")
    assert re.fullmatch(r"outside 4\.\d to 7\.\d, the range in training", mark.inner_text())
    assert "1 value is as in no training row" in page.locator(".remark").inner_text()
    page.get_by_label("input 0").fill("")
    assert mark.inner_text().startswith("missing, as in no row of the training set: taken as 5.")


def test_a_form_starts_from_a_row_of_the_test_set(show, iris_run):
    page = show(iris_run / "report.html")
    start = page.get_by_label("Start from")
    options = start.locator("option").all_inner_texts()
    assert options[0] == "the middle of the training rows"
    assert options[1] == "test row 1: setosa"
    start.select_option(label="test row 1: setosa")
    assert pens.answer(page) == "setosa"
    assert page.locator(".mark").all_inner_texts() == [""] * 4
    start.select_option(index=0)
    assert pens.answer(page) != "setosa"


def test_a_tables_columns_are_fields_of_their_kinds(show, table_run, tmp_path):
    page = show(table_run / "report.html")
    fields = page.locator(".field input, .field select")
    age, town, member, since = (fields.nth(place) for place in range(4))
    kinds = fields.evaluate_all("all => all.map((each) => each.type)")
    assert kinds == ["number", "select-one", "select-one", "date"]
    assert page.locator(".field label").all_inner_texts()[1].strip() == EVIL
    age.fill("40")
    town.select_option("Ulm")
    member.select_option("yes")
    since.fill("2021-05-06")
    rows = tmp_path / "rows.csv"
    rows.write_text(f"member,since,age,{EVIL}\nyes,2021-05-06,40,Ulm\nno,2021-05-06,,Bonn\n")
    answers = answers_of(table_run, rows)
    assert value(page) == pytest.approx(answers[0], abs=0.51)
    age.fill("")
    assert page.locator("#field-0-mark").inner_text() == "missing"
    member.select_option("no")
    town.select_option("Bonn")
    assert value(page) == pytest.approx(answers[1], abs=0.51)
    assert page.locator(".remark").inner_text() == ""
    since.fill("1999-05-06")
    assert page.locator("#field-3-mark").inner_text().startswith("outside 2020-01-")
    assert page.locator(".mark").all_inner_texts()[1:3] == ["", ""]


def value(page):
    return float(page.locator(".answer").inner_text().removeprefix("price "))


def answers_of(folder, rows):
    """What the programs say of the rows of a file."""
    from experiments.data.tables import loading, stored

    (preparation,) = stored.read(folder / "preparation.json")
    recipe, params = network_of(folder)
    inputs = loading.prepare_rows(rows, preparation).inputs
    return np.asarray(jaxmlp.predict(recipe, params, inputs))[:, 0]


def test_all_members_of_a_sweep_vote(show, sweep_run):
    page = show(sweep_run / "report.html")
    who = page.locator("#trial-who")
    options = who.locator("option").all_inner_texts()
    assert len(options) == 4 + 1 + 16
    assert options[4] == "all 16 networks"
    assert page.locator(".bar").first.locator(".tick").count() == 4
    who.select_option(label="all 16 networks")
    ticks = page.locator(".bar").first.locator(".tick")
    assert ticks.count() == 16
    page.get_by_label("Start from").select_option(index=1)
    row = json.loads((sweep_run / "config.json").read_text())["sizes"]
    assert row == [4, 256, 3]
    each = []
    for name in options[5:]:
        who.select_option(label=name)
        assert page.locator(".tick").count() == 0
        each.append([*pens.shares(page).values()])
    who.select_option(label="all 16 networks")
    mean = np.mean(each, axis=0)
    np.testing.assert_allclose([*pens.shares(page).values()], mean, atol=0.11)
    places = ticks.evaluate_all("all => all.map((tick) => parseFloat(tick.style.left))")
    np.testing.assert_allclose(places, np.array(each)[:, 0], atol=0.051)
    said = page.locator(".answer").inner_text()
    votes = np.bincount(np.argmax(each, axis=1), minlength=3)
    if votes.max() == 16:
        assert said.startswith("all 16 networks say")
    else:
        assert said.startswith("the networks disagree: of 16, ")
        assert f"{votes.max()} say {list(pens.shares(page))[votes.argmax()]}" in said


def test_a_member_answers_as_the_library_does(show, sweep_run):
    page = show(sweep_run / "report.html")
    page.locator("#trial-who").select_option(label="learning rate 0.01, seed 2")
    for number, value in enumerate([5.1, 3.5, 1.4, 0.2]):
        page.get_by_label(f"input {number}").fill(str(value))
    params = jaxmlp.load_params(sweep_run / "networks" / "learning_rate=0.01,seed=2.npz")
    recipe = jaxmlp.Recipe(jaxmlp.mlp((4, 256, 3)), jaxmlp.classification(3), optax.sgd, {})
    expected = jaxmlp.predict(recipe, params, np.float32([[5.1, 3.5, 1.4, 0.2]]))[0]
    np.testing.assert_allclose([*pens.shares(page).values()], 100 * expected, atol=0.15)
