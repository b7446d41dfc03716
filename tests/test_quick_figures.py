"""What the README and docs/results.md say of quick is what its records say."""

import json
import re
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
README, PAGE = (ROOT / name for name in ("README.md", "docs/results.md"))
MEASURED = ROOT / "docs" / "measured"
NO_FLAGS = ("--eps=", "--init_scale=")


def record(name):
    return json.loads((MEASURED / f"{name}.json").read_text())


TURNS, TRIALS = record("quick/quick")["quick"], record("quick/trials")["trials"]
SECONDS, COMPILING = (
    {name: median(each) for name, each in TURNS[kind].items()}
    for kind in ("seconds", "seconds_compiling")
)


def percent(share):
    return f"{100 * share:.2f} %"


def test_the_turns_are_the_networks_of_the_results():
    for name in ("classic", "quick"):
        cited = record(f"results/{name}")
        assert cited["seeds"] == TURNS["seeds"]
        assert [round(10_000 * (1 - a)) for a in TURNS["test_accuracy"][name]] == cited["errors"]


def test_the_readme_says_how_long_quick_takes_and_how_good_it_is():
    (row,) = [line for line in README.read_text().splitlines() if "benchmark --quick`" in line]
    least, most = (f"{100 * end(TURNS['test_accuracy']['quick']):.2f}" for end in (min, max))
    assert (
        f"trains {SECONDS['quick']:.2f} s, the classic recipe {SECONDS['classic']:.2f} s, to "
        f"{least} to {most} %; a median share of {TURNS['share']['median']:.3f}, "
        f"{TURNS['share_compiling']['median']:.3f} with compilation" in row
    )
    assert f"with every one of {TURNS['num_there']} seeds" in row


def test_the_page_has_the_same_turns():
    there = {
        name: sum(accuracy >= 0.98 for accuracy in each)
        for name, each in TURNS["test_accuracy"].items()
    }
    assert there["quick"] == TURNS["num_there"] == len(TURNS["seeds"])
    rows = [
        ["time to train, compiled before", SECONDS, TURNS["share"]],
        ["with all that is compiled, 3 seeds", COMPILING, TURNS["share_compiling"]],
    ]
    lines = [
        f"| {what} | {took['classic']:.2f} s | {took['quick']:.2f} s "
        f"| {share['median']:.3f} | {share['worst']:.3f} |"
        for what, took, share in rows
    ]
    for what, of_all in (("median of the seeds", median), ("the worst seed", min)):
        both = [of_all(TURNS["test_accuracy"][name]) for name in ("classic", "quick")]
        lines.append(f"| test accuracy, {what} | {' | '.join(map(percent, both))} | | |")
    lines.append(
        f"| seeds at 98 % or above | {there['classic']} of 20 | {there['quick']} of 20 | | |"
    )
    for line in lines:
        assert line in PAGE.read_text().splitlines()


def test_the_trials_on_the_page_are_on_record():
    section = PAGE.read_text().partition("## How quick was chosen")[2].partition("\n## ")[0]
    idle = sum(any(flag in each["flags"] for flag in NO_FLAGS) for each in TRIALS)
    assert (len(TRIALS), idle, sum("seconds" not in each for each in TRIALS)) == (109, 4, 49)
    for said in ("All 109 trials", "again but four", "Of 49\nno seconds"):
        assert said in section
    known = {_row(each) for each in TRIALS}
    rows = re.findall(
        r"^\|[^|]+\| (\d) \| (\d\.\d\d) \| (\d\d\.\d\d %) \| (\d\d\.\d\d %) \| (\d+) \|$",
        section,
        re.M,
    )
    assert len(rows) == 20
    assert {*rows} <= known


def _row(trial):
    """Epochs, share, mean, worst and seeds, as a row has them."""
    first, end = map(int, trial["seeds"].split(":"))
    found = trial["validation_accuracy"]
    share = f"{trial['share_of_classic']:.2f}" if "share_of_classic" in trial else ""
    epochs = re.search(r"--num_epochs=(\d+)", trial["flags"])[1]
    return epochs, share, percent(found["mean"]), percent(found["worst"]), str(end - first)
