"""The page says of each command its own figures, in its own columns, and invents none."""

import pytest

from experiments.cited import page
from experiments.cited.catalogue import PUBLISHED, Command

ONE = Command("one", ("--dataset=mnist", "--seeds=0:2"), "the one", "For one.", is_first=True)
TWO = Command("two", ("--dataset=mnist", "--l2=1"), "the other", "For two.", is_ensemble=True)
LAST = Command("last", ("--dataset=fashion_mnist",), "the last", "For fashion.", is_first=True)
STEP = Command("ablation_start", ("--dataset=mnist",), "plain", "")
MADE = {
    "processor": "a CPU",
    "num_cores": 2,
    "threads": 1,
    "python": "3.11",
    "versions": {"jax": "1", "jaxlib": "2", "optax": "3"},
}
RECORD = {
    "num_test": 10_000,
    "seeds": [0, 1],
    "errors": [60, 50],
    "train_seconds": 30.0,
    "all_params_sha256": "a" * 64,
    "data_sha256": "d" * 64,
    "environment": MADE,
}
OTHER = {
    **RECORD,
    "seeds": [4, 7, 9],
    "errors": [101, 90, 91],
    "train_seconds": 900.0,
    "all_params_sha256": "b" * 64,
    "together": {
        "wrong": [*range(80)],
        "one": {"accuracy": 0.9906, "log_loss": 0.03, "calibration_error": 0.004},
        "all": {"accuracy": 0.992, "log_loss": 0.02, "calibration_error": 0.001},
        "num_disputed": 1234,
        "disagreement": 0.0125,
    },
}


def text_of(*arguments):
    return "\n".join(page.body(*arguments))


def rows_of(text, start):
    """The cells of the table lines that begin so."""
    lines = [line for line in text.splitlines() if line.startswith(f"| {start} |")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_a_command_that_was_not_run_has_no_figures():
    text = text_of([ONE, LAST], [], {"last": {"left_out": "no data"}})
    assert rows_of(text, "the one") == [
        [
            *("the one", "`python -m experiments.sweep --dataset=mnist --seeds=0:2`"),
            *("", "not run yet", "", "", "", ""),
        ]
    ]
    assert rows_of(text, "the last")[0][3] == "left out: no data"
    assert "None: not run yet." in text
    assert "errors of each" not in text
    assert page.PICTURE not in text


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


def test_data_have_sections_of_their_own():
    text = text_of([ONE, LAST], [], {"one": RECORD, "last": OTHER})
    first, second = text.index("## MNIST"), text.index("## Fashion-MNIST")
    assert first < text.index("| the one |") < second < text.index("| the last |")
    assert text.count("| what | test accuracy | source |") == 1
    assert "**the last**" not in text  # beside others' figures, which are MNIST's
    assert [each.id for each in page.drawn([ONE, LAST], [STEP, ONE])] == ["one", "ablation_start"]


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


def test_the_readme_has_the_first_rows_alone():
    assert page.rows([ONE, TWO, LAST], {"one": RECORD, "two": OTHER}) == [
        "| what | command | mean test accuracy | worst and best seed | time a network |",
        "|---|---|---|---|---|",
        "| the one | `python -m experiments.sweep --dataset=mnist --seeds=0:2` | "
        "99.45 % (98.81 to 100.09 %), 2 seeds | 99.40 % and 99.50 % | 15 s |",
        "| the last | `python -m experiments.sweep --dataset=fashion_mnist` | not run yet |  |  |",
    ]


def test_the_readme_has_what_an_ensemble_says_too():
    first = TWO._replace(is_first=True)
    *_, alone, together = page.rows([first], {"two": OTHER})
    assert "99.06 % (98.91 to 99.21 %), 3 seeds | 98.99 % and 99.10 % | 5.0 min |" in alone
    assert together == (
        "| all 3 of them together | the same | "
        "99.20 % (99.01 to 99.36 %, Wilson's, over images) |  |  |"
    )


def test_a_preset_says_what_it_sets_where_it_comes_first():
    quick = ONE._replace(flags=("--preset=ensemble", "--dataset=mnist"))
    said = "- **one**: For one. Its preset sets `--seeds=0:16 --save_networks`."
    assert said in text_of([quick], [], {})
    assert "preset sets" not in text_of([quick._replace(is_first=False), ONE], [], {})


def test_lines_need_their_marks():
    for text in ("no marks", f"{page.BEGIN} {page.BEGIN} {page.END}", page.BEGIN):
        with pytest.raises(ValueError, match="README.md needs .* once each"):
            page.renewed("README.md", text, ["row"])


def test_the_page_reads_well_from_mark_to_mark():
    made = page.renewed("it", page.BARE, page.body([ONE, TWO], [], {"one": RECORD, "two": OTHER}))
    assert made.startswith(f"# Results\n\n{page.BEGIN}\n\nWhat the presets reach")
    assert made.endswith(f"```\n\n{page.END}\n")
    assert "\n\n\n" not in made
    assert page.renewed("it", made, ["row"]) == page.renewed("it", page.BARE, ["row"])
