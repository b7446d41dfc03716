"""Pixels that were saved from 0 to 255 as floats: drawings and examples are as bright."""

import base64
import csv

import numpy as np
import pens
import pytest
from programs import call
from sklearn import datasets

from experiments import mnist, predict

QUICK = ("--noplots", "--checkpoint_every=0", "--num_epochs=15")


@pytest.fixture(scope="module")
def trained(browser, folder):
    found = datasets.load_digits()
    pixels = np.float32(255 / 16 * found.images)

    def run(name, inputs):
        np.savez(folder / f"{name}.npz", x=inputs, y=found.target)
        call(mnist, f"--dataset={folder / name}.npz", *QUICK, f"--workdir={folder / name}")
        return folder / name

    return run("bright", pixels), run("around", pixels / 128 - 1)


def test_a_drawing_is_as_bright_as_the_training(show, trained, tmp_path):
    place, _ = trained
    page = show(place / "report.html")
    pens.digit(page, 3)
    assert pens.answer(page) == "3"
    assert pens.shares(page)["3"] > 90  # of pixels up to 1 it is unsure
    text = page.locator(".sheet").evaluate("(sheet) => sheet.toDataURL('image/png')")
    (tmp_path / "3.png").write_bytes(base64.b64decode(text.partition(",")[2]))
    call(predict, place, tmp_path / "3.png")
    with (place / "predictions.csv").open() as file:
        assert next(csv.DictReader(file))["guess"] == "3"
    page.locator(".thumbs button").nth(4).click()
    pens.settle(page)
    assert pens.answer(page) == "4"
    assert pens.shares(page)["4"] > 90
    reading = "(sheet) => [...sheet.getContext('2d').getImageData(0, 0, 8, 8).data]"
    pixels = page.locator(".seen canvas").evaluate(reading)[::4]
    assert np.ptp(pixels) > 200
    assert len({*pixels}) > 8  # and not black and white
    assert page.locator("input[type=file]").count() == 1


def test_pixels_below_0_are_chosen_and_neither_drawn_nor_opened(show, trained):
    _, place = trained
    page = show(place / "report.html")
    assert page.locator(".sheet").count() == page.locator("input[type=file]").count() == 0
    assert pens.answer(page) == "0"  # the first of the examples
