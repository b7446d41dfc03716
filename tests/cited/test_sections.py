"""Each command has its own figures, in their columns, beside what others have published."""

from cited_books import ONE, OTHER, RECORD, TWO, rows_of, text_of

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
    assert len(lines) == len(PUBLISHED) + 2
    assert figures == sorted(figures)
    assert lines[-1] == "| **the one** | **99.45 %** | this page |"
    assert "| maxout and dropout | 99.06 % | Goodfellow et al., Maxout Networks, 2013 |" in lines


def test_what_the_networks_of_an_ensemble_say_together():
    text = text_of([ONE, TWO], [], {"one": RECORD, "two": OTHER})
    assert (
        "probabilities of 3 networks is right at 99.20 % (99.01 to 99.36 %, Wilson's, over images) "
        "of the test images. Two" in text
    )
    assert "guess differently at 1.25 % of them, and not all alike at 1,234." in text
    assert rows_of(text, "errors")[0] == ["errors", "94.0", "80"]
    assert rows_of(text, "accuracy")[0] == ["accuracy", "99.06 %", "99.20 %"]
    assert rows_of(text, "log loss")[0] == ["log loss", "0.0300", "0.0200"]
    assert rows_of(text, "calibration error")[0] == ["calibration error", "0.0040", "0.0010"]
    assert text.count("the mean of the probabilities") == 1


def test_a_preset_says_what_it_sets_where_it_comes_first():
    quick = ONE._replace(flags=("--preset=ensemble", "--dataset=mnist"))
    said = "- **one**: For one. Its preset sets `--seeds=0:16 --save_networks`."
    assert said in text_of([quick], [], {})
    assert "preset sets" not in text_of([quick._replace(is_first=False), ONE], [], {})
