"""Each command has its own figures, in their columns, beside what others have published."""

import numpy as np
from cited_books import ONE, OTHER, RECORD, TWO, rows_of, text_of
from scipy import stats

from experiments.cited import page
from experiments.cited.catalogue import PUBLISHED


def test_each_command_has_its_own_figures():
    text = text_of([ONE, TWO], [], {"one": RECORD, "two": OTHER})
    # 99.45 ± 12.706 * 0.0707 / sqrt(2), and 99.06 ± 4.303 * 0.0608 / sqrt(3)
    assert rows_of(text, "the one")[0][2:] == [
        *("2", "99.450 %", "98.815 to 100.085 %", "99.40 %", "99.50 %", "15 s")
    ]
    assert rows_of(text, "the other")[0][2:] == [
        *("3", "99.060 %", "98.909 to 99.211 %", "98.99 %", "99.10 %", "5.0 min")
    ]
    assert rows_of(text, "one")[0] == ["one", "0 to 1", "60, 50", "10,000"]
    assert rows_of(text, "two")[0] == ["two", "4, 7, 9", "101, 90, 91", "10,000"]
    assert rows_of(text, "one")[1][1:] == [
        f"`{'a' * 64}`",
        "`dddddddddddd`",
        "a CPU, 2 cores, 1 threads; Python 3.11, jax 1, jaxlib 2, optax 3",
    ]
    assert rows_of(text, "two")[1][1] == f"`{'b' * 64}`"
    assert "- **one**: For one.\n- **two**: For two." in text
    assert page.PICTURE in text


def test_what_others_published_stands_beside_it_in_order():
    text = text_of([ONE, TWO], [], {"one": RECORD, "two": OTHER})
    table = text.partition("| what | test accuracy | source |\n|---|---|---|\n")[2]
    lines = table.partition("\n\n")[0].splitlines()
    figures = [float(line.split(" | ")[1].strip("* %")) for line in lines]
    assert len(lines) == len(PUBLISHED) + 3
    assert (
        "| **all 3 of two together** | **99.20 %** | this page; an ensemble, no single "
        "network |" in lines
    )
    assert figures == sorted(figures)
    assert lines[-1] == "| **the one** | **99.45 %** | this page |"
    assert "| maxout and dropout | 99.06 % | Goodfellow et al., Maxout Networks, 2013 |" in lines


def test_what_the_networks_of_an_ensemble_say_together():
    text = text_of([ONE, TWO], [], {"one": RECORD, "two": OTHER})
    assert (
        "**two**: all 3 networks together are right at 99.20 % (99.01 to 99.36 %, Wilson's, over "
        "images) of the test images.\n" in text
    )
    assert "|  | together | one of them | least to most |" in text
    assert rows_of(text, "accuracy") == [["accuracy", "99.20 %", "99.06 %", "98.99 to 99.10 %"]]
    assert rows_of(text, "log loss") == [["log loss", "0.0200", "0.0300", "0.0250 to 0.0350"]]
    assert "Two of them differ on 1.25 % of the rows, on the average; not all agree on " in text
    # 80 images wrong of all, and 0.5 % more sure than right, then 1 % less
    assert "one 99.50 % and 99.06 %, more sure than right; all together 98.25 % and " in text
    assert "99.20 %, less sure than right. Their calibration error is 2.5 times one's: a " in text
    assert text.count("networks together are right") == 1
    better = {**OTHER["together"]["scores"]["together"], "calibration_error": 0.001}
    scores = {**OTHER["together"]["scores"], "together": better}
    steady = {**OTHER, "together": {**OTHER["together"], "scores": scores}}
    assert "less sure than right." in text_of([TWO], [], {"two": steady})
    assert "times one's" not in text_of([TWO], [], {"two": steady})


def test_an_ensemble_is_held_against_each_of_its_networks_image_by_image():
    text = text_of([ONE, TWO], [], {"one": RECORD, "two": OTHER})
    # gains of an image: 1/3 at 80 to 89, 2/3 there and at 90 to 99, 1/3 at 100; -1/3 at 0 to 8
    gains = np.zeros(10_000)
    for wrong in OTHER["wrong"]:
        gains[wrong] += 1 / 3
    gains[:80] -= 1
    low, high = (
        f"{100 * end:+.3f}" for end in stats.norm.interval(0.95, gains.mean(), stats.sem(gains))
    )
    assert f"all have +0.140 ({low} to {high}) percentage points, with a 95 % interval over" in text
    assert (
        "right at 17.0 (10 to 21) images that it gets wrong, and wrong at 3.0 (0 to 9) that it "
        "gets right: by McNemar's test 2 of 3 are told from them at p < 0.05." in text
    )


def test_networks_that_another_command_has_too_are_said_to_be_the_same():
    same = "They are the networks of **one** with these seeds."
    more = {**RECORD, "seeds": [9, 7, 5, 4], "params_sha256": ["nine", "seven", "five", "four"]}
    assert same in text_of([ONE, TWO], [], {"one": more, "two": OTHER})
    other = {**more, "params_sha256": ["nine", "seven", "five", "other"]}
    for record in (other, {"left_out": "no data"}, RECORD):
        assert "They are the networks" not in text_of([ONE, TWO], [], {"one": record, "two": OTHER})


def test_a_preset_says_what_it_sets_where_it_comes_first():
    quick = ONE._replace(flags=("--preset=ensemble", "--dataset=mnist"))
    said = "- **one**: For one. Its preset sets `--seeds=0:16 --save_networks`."
    assert said in text_of([quick], [], {})
    assert "preset sets" not in text_of([quick._replace(is_first=False), ONE], [], {})
