import json
import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
from absl import flags
from lessons import toy
from PIL import Image
from programs import command_line

from experiments.lessons import lesson


def run(*arguments):
    """The toy as a program: its flags are its own, and those that it shares are as ever."""
    values = flags.FlagValues()
    lesson.define(toy.teach, values)
    with command_line():
        lesson.run(toy.teach, values, values(["toy", *arguments]))


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_a_lesson_leaves_its_figures_and_its_picture_and_says_what_held(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "20")  # less than a claim, which stays a line
    folder = tmp_path / "new" / "folder"
    run(f"--workdir={folder}")
    found = results(folder)
    assert found["lesson"] == "toy"
    assert found["command"] == "python -m experiments.lessons.toy"
    assert found["settings"]["widths"] == [1, 2]
    assert found["figures"] == {"all": [3, 0.5, [1, 2], [0.1, 0.2], "a", False], "none": "nan"}
    assert found["held"] is True
    assert found["claims"][0] == {"text": "3 [seeds] are few", "held": True}
    assert found["tables"] == {"count": {"columns": ["kind", "n"], "rows": [["a", 3]]}}
    assert {"python", "versions", "platform", "processor", "threads"} == set(found["environment"])
    assert str(tmp_path) not in (folder / "results.json").read_text()
    with Image.open(folder / "picture.png") as picture:
        assert picture.mode == "P"
    said = capsys.readouterr().out
    assert re.search(r"^ +kind +n *\n.*\n +a +3 *$", said, re.MULTILINE)
    assert "claim held: 3 [seeds] are few\nclaim held: a\n" in said
    assert said.rstrip().endswith(str(folder))


def test_every_flag_reaches_the_lesson_and_the_record(tmp_path):
    given = ["--seeds=4", "--rate=0.25", "--widths=7", "--rates=1.0,2.5", "--loud"]
    run(f"--workdir={tmp_path}", *given)
    found = results(tmp_path)
    assert found["figures"]["all"] == [4, 0.25, [7], [1.0, 2.5], "a", True]
    assert found["command"] == f"python -m experiments.lessons.toy {' '.join(given)}"
    assert found["seconds"] > 0


def test_a_text_with_a_space_is_one_word_of_the_command(tmp_path):
    run(f"--workdir={tmp_path}", "--data=over there")
    assert results(tmp_path)["command"].endswith("experiments.lessons.toy '--data=over there'")


def test_without_a_folder_there_is_a_new_one_of_the_lessons_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run()
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.startswith("toy-")


def test_devices_and_threads_are_chosen_before_the_lesson_begins(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(lesson.environment, "use_devices", lambda: done.append("devices"))
    monkeypatch.setattr(lesson.startup, "wake", lambda *given: done.append(given))
    monkeypatch.setattr(toy, "Claim", lambda *given: done.append("lesson") or lesson.Claim(*given))
    run(f"--workdir={tmp_path}")
    assert done == ["devices", (None, False), "lesson", "lesson"]
    run(f"--workdir={tmp_path}", "--overwrite", "--deterministic")
    assert done[4:6] == ["devices", (None, True)]
    assert results(tmp_path)["command"].endswith("experiments.lessons.toy --deterministic")


def test_the_first_column_of_a_table_is_on_the_left_and_numbers_are_on_the_right():
    columns = lesson._grid(lesson.Table(["kind", "n"], [["a", 3]])).columns
    assert [column.justify for column in columns] == ["left", "right"]


def test_bounds_are_among_what_they_admit():
    lesson.at_least(2, seeds=2)
    lesson.at_most(2, layers=2)
    lesson.rising(1, 100, widths=(1, 100))
    for given in ((0.5, 2), (2, 101), (2,), (2, 2)):
        with pytest.raises(ValueError, match="^--widths needs two numbers or more that rise, from"):
            lesson.rising(1, 100, widths=given)


@pytest.mark.parametrize(
    ("flag", "said"), [("--seeds=10", "FAILED: 10 [seeds] are few"), ("--kind=b", "FAILED: a")]
)
def test_a_claim_that_fails_is_exit_code_4_and_on_record(tmp_path, capsys, flag, said):
    with pytest.raises(SystemExit) as ended:
        run(f"--workdir={tmp_path}", flag)
    assert ended.value.code == 4
    assert said in capsys.readouterr().out
    assert results(tmp_path)["held"] is False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["word"], "expected flags only, such as --seed=1, got word"),
        (["--widths="], "--widths needs at least one number, got none"),
        (["--seeds=1"], "seeds needs at least 2, got 1"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(tmp_path, arguments, said):
    folder = tmp_path / "new"
    with pytest.raises(SystemExit, match=f"^error: {said}"):
        run(f"--workdir={folder}", *arguments)
    assert not folder.exists()


@pytest.mark.parametrize("flag", ["--seeds=0", "--rate=-1", "--rate=nan", "--kind=c", "--rates=x"])
def test_flags_have_their_bounds(flag):
    with pytest.raises(flags.IllegalFlagValueError):
        run(flag)


def test_without_data_the_exit_code_is_5(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        run(f"--workdir={tmp_path / 'new'}", "--data=elsewhere")
    assert ended.value.code == 5
    assert capsys.readouterr().err == "error: the data are not here\n"


def test_an_interruption_is_one_line_and_leaves_nothing(tmp_path, monkeypatch, capsys):
    def interrupt(*_, **given):
        raise KeyboardInterrupt

    monkeypatch.setattr(toy, "Outcome", interrupt)
    with pytest.raises(SystemExit) as ended:
        run(f"--workdir={tmp_path / 'new'}")
    assert ended.value.code == 130
    assert capsys.readouterr().err == "\ninterrupted; nothing was written\n"
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_kept_unless_it_is_this_lessons(tmp_path):
    run(f"--workdir={tmp_path}")
    before = results(tmp_path)
    with pytest.raises(SystemExit, match="--workdir needs a new or empty folder, or --overwrite"):
        run(f"--workdir={tmp_path}", "--seeds=4")
    assert results(tmp_path) == before
    run(f"--workdir={tmp_path}", "--seeds=4", "--overwrite")
    assert results(tmp_path)["settings"]["seeds"] == 4
    other = {**before, "lesson": "other"}
    (tmp_path / "results.json").write_text(json.dumps(other))
    with pytest.raises(SystemExit, match="--overwrite needs a folder that lesson toy made"):
        run(f"--workdir={tmp_path}", "--overwrite")
    assert results(tmp_path) == other
    (tmp_path / "results.json").unlink()
    with pytest.raises(SystemExit, match="--overwrite needs a folder that lesson toy made"):
        run(f"--workdir={tmp_path}", "--overwrite")


def test_the_help_of_a_flag_is_what_the_docstring_says():
    values = flags.FlagValues()
    lesson.define(toy.teach, values)
    assert values["rate"].help == "How fast, on two lines."
    assert values["widths"].help == "Of what."


def test_an_argument_without_a_word_or_of_a_kind_that_no_flag_has_is_found():
    def silent(seeds: int = 1) -> None:
        """Says nothing."""

    def strange(seeds: bytes = b"") -> None:
        """Says.

        Args:
          seeds: all.
        """

    with pytest.raises(TypeError, match="needs to say what seeds is"):
        lesson.define(silent, flags.FlagValues())
    with pytest.raises(TypeError, match="seeds needs a type that a flag can have"):
        lesson.define(strange, flags.FlagValues())


def test_an_interval_is_students_and_of_a_share_wilsons():
    found = lesson.interval(np.float32([1, 2, 3, 4]))
    np.testing.assert_allclose(found, (2.5, 0.4457397, 4.5542603), rtol=1e-6)
    # 8 of 10, z = 1.96: (0.8 + z²/20 ± z sqrt(0.016 + z²/400)) / (1 + z²/10)
    z = 1.959964
    spread = z * math.sqrt(0.016 + z * z / 400)
    expected = [(0.8 + z * z / 20 + sign * spread) / (1 + z * z / 10) for sign in (-1, 1)]
    np.testing.assert_allclose(lesson.share([True] * 8 + [False] * 2), (0.8, *expected), rtol=1e-5)
    assert found.text(".2f") == "2.50 (0.45 to 4.55)"


def test_programs_take_turns_and_the_median_call_counts(monkeypatch):
    clock, order = [0.0], []

    def program(name, times):
        def call(unit):
            order.append(name)
            return SimpleNamespace(block_until_ready=lambda: waited(name, unit))

        def waited(name, unit):
            clock[0] += unit * times[order.count(name) - 1]

        return call

    monkeypatch.setattr(lesson.time, "perf_counter", lambda: clock[0])
    both = program("a", [0.5, 0.002, 0.001]), program("b", [0.003, 0.5, 0.004])
    found = lesson.milliseconds(both, (2,), calls=3)
    assert found.tolist() == pytest.approx([4, 8])
    assert order == ["a", "b"] * 3
