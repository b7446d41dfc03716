"""Each step is held against the one before, by the same seeds and the same images."""

from experiments.app.presets import PRESETS
from experiments.cited import ablation
from experiments.cited.commands import Step, steps
from experiments.cited.words import MINUS

SHARED = ("--dataset=mnist", "--seeds=0:3")
STEPS = steps(
    [
        Step("start", "plain", ("--l2=1",)),
        Step("norm", "+ norm", ("--norm=batch",)),
        Step("weights", "+ weights", ("--l2=2", "--average=1"), same_as="strong"),
    ],
    SHARED,
)


def record(*wrong):
    errors = [len(each) for each in wrong]
    base = {"num_test": 10_000, "data_sha256": "data", "seeds": [0, 1, 2]}
    return {**base, "errors": errors, "wrong": [list(each) for each in wrong]}


START = record(range(100), range(110), range(105))
NORM = record(range(70), range(78), range(74))
WEIGHTS = record(range(5, 70), range(10, 90), range(20, 91))
RECORDS = {"ablation_start": START, "ablation_norm": NORM, "strong": WEIGHTS}


def cells(lines, name):
    (line,) = [line for line in lines if line.startswith(f"| {name} |")]
    return [cell.strip() for cell in line[1:-1].split("|")]


def test_each_step_has_its_flags_its_figures_and_what_it_brings():
    lines = ablation.section(STEPS, RECORDS)
    assert cells(lines, "plain") == [
        *("plain", "", "98.950 %", "98.826 to 99.074 %", "100, 110, 105", "", "", "")
    ]
    # gains of 30, 32 and 31 images of 10,000: 0.31 ± 4.303 * 0.01 / sqrt(3)
    assert cells(lines, "+ norm") == [
        *("+ norm", "`--norm=batch`", "99.260 %", "99.161 to 99.359 %", "70, 78, 74"),
        *("+0.310 (+0.285 to +0.335)", "no", "31.0 (30 to 32)"),
    ]
    # gains of 5, -2 and 3; images 0-4 against none, 0-9 and 78-89, 0-19 and 74-90
    assert cells(lines, "+ weights") == [
        *("+ weights", "`--l2=2 --average=1`", "99.280 %", "99.092 to 99.468 %", "65, 80, 71"),
        *(f"+0.020 ({MINUS}0.070 to +0.110)", "yes", "21.3 (5 to 37)"),
    ]
    said = " ".join("\n".join(lines).split())
    assert "What a step brings depends on what was added before it" in said
    assert "All have `--num_epochs=12`" in said
    assert f"the preset's own {PRESETS['strong']['num_epochs']} epochs" in said
    start = "--dataset=mnist --seeds=0:3 --l2=1"
    assert f"The first is `python -m experiments.sweep {start}`." in lines


def test_what_decides_between_the_best_two():
    *_, said = ablation.section(STEPS, RECORDS)
    assert said == (
        "The best two are **+ weights** and **+ norm**. Of 10,000 test images, 21.3 (5 to 37) "
        "decide between two networks of the same seed: the first alone is right at "
        "11.7 (5 to 20), the second alone at 9.7 (0 to 17). By McNemar's test the images of "
        "0 of 3 seeds tell the two apart at p < 0.05. Over seeds, the first has "
        f"+0.020 ({MINUS}0.070 to +0.110) percentage points over the second: "
        "the interval has 0 in it: seeds cannot tell the two apart."
    )
    *_, said = ablation.section(STEPS[:2], RECORDS)
    assert "images of 3 of 3 seeds tell the two apart" in said
    assert said.endswith("the interval has no 0 in it: it is more than the luck of seeds.")


def test_steps_that_were_not_run_bring_nothing():
    lines = ablation.section(STEPS, {"ablation_start": START, "strong": WEIGHTS})
    assert cells(lines, "+ norm")[2:] == ["not run yet", "", "", "", "", ""]
    assert cells(lines, "+ weights")[5:] == ["", "", ""]
    lines = ablation.section(STEPS, {"ablation_start": {"left_out": "no data"}})
    assert cells(lines, "plain")[2] == "left out: no data"
    assert not any("best two" in line for line in lines)
