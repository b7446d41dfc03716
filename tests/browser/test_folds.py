"""A cross-validation's page: each network by its fold, and none on what it trained on."""

import csv

import numpy as np
import pytest
from programs import call

from experiments import predict, table
from experiments.folder.files import write_csv

QUICK = ("--num_epochs=3", "--noplots", "--checkpoint_every=0")


@pytest.fixture(scope="module")
def place(browser, folder):
    """Two folds of a table, one of which has far longer houses than the other."""
    random = np.random.default_rng(0)
    sizes = random.normal(size=(60, 2)).round(3)
    sizes[7, 0] = 50  # in one fold's training set, and the other's test
    rows = [[*row, round(float(100 + 7 * row.sum() + random.normal()), 3)] for row in sizes]
    write_csv(folder / "sizes.csv", [["length", "width", "price"], *rows])
    place = folder / "folds"
    given = (f"--data={folder / 'sizes.csv'}", "--target=price", *QUICK, f"--workdir={place}")
    call(table, *given, "--folds=2", "--seeds=0:1", "--save_networks")
    return place


def words(page):
    return page.locator(".answer").inner_text(), page.locator(".remark").inner_text()


def test_a_row_of_the_test_is_not_asked_of_who_trained_on_it(show, place):
    page = show(place / "report.html")
    both, remark = words(page)
    assert ("±" in both, remark) == (True, "")
    page.locator("#trial-row").select_option(index=1)
    one, remark = words(page)
    assert "±" not in one
    assert remark == "not asked: 1 of 2 networks, which trained on this example"
    who = page.locator("#trial-who")
    who.select_option("fold 1, seed 0")
    of_none = "not asked: 1 of 1 networks, which trained on this example; choose those of fold 0"
    assert words(page) == ("", of_none)
    who.select_option("fold 0, seed 0")
    assert words(page) == (one, "")
    who.select_option("all 2 networks")
    page.locator("#field-0").fill("0.5")  # now it is nobody's
    assert "±" in words(page)[0]


@pytest.mark.parametrize("fold", [0, 1])
def test_a_network_answers_by_its_fold_s_own_preparation(show, place, tmp_path, fold):
    write_csv(tmp_path / "one.csv", [["length", "width"], [0.5, -1]])
    call(predict, place, tmp_path / "one.csv", f"--member=fold={fold},seed=0")
    with (place / "predictions.csv").open() as file:
        expected = float(next(csv.DictReader(file))["answer_price"])
    page = show(place / "report.html")
    page.locator("#trial-who").select_option(f"fold {fold}, seed 0")
    page.locator("#field-0").fill("0.5")
    page.locator("#field-1").fill("-1")
    assert float(words(page)[0].split()[-1]) == pytest.approx(expected, abs=0.51)
