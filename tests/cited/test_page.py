"""The page says of each command its own figures, in its own columns, and invents none."""

import pytest
from cited_books import LAST, ONE, OTHER, RECORD, STEP, TWO, rows_of, text_of

from experiments.cited import page


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


def test_data_have_sections_of_their_own():
    text = text_of([ONE, LAST], [], {"one": RECORD, "last": OTHER})
    first, second = text.index("## MNIST"), text.index("## Fashion-MNIST")
    assert first < text.index("| the one |") < second < text.index("| the last |")
    assert text.count("| what | test accuracy | source |") == 1
    assert "**the last**" not in text  # beside others' figures, which are MNIST's
    assert [each.id for each in page.drawn([ONE, LAST], [STEP, ONE])] == ["one", "ablation_start"]


def test_the_readme_has_the_first_rows_alone():
    assert page.rows([ONE, TWO, LAST], {"one": RECORD, "two": OTHER}) == [
        "| what | command | mean test accuracy (95 % interval, over seeds) "
        "| worst and best seed | time a network |",
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
