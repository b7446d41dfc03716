import os

import pytest
from absl import flags
from programs import command_line, finish, start

from experiments.app import command_line as ours
from experiments.app import settings

assert settings


def refusal(*arguments):
    with pytest.raises(SystemExit) as refused, command_line(*arguments):
        pass
    message = str(refused.value)
    assert message.startswith("error: ")
    assert message.isprintable()
    return message


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--bogus", "Unknown command line flag 'bogus'"),
        ("--num_epoch=1", "Unknown command line flag 'num_epoch'. Did you mean: num_epochs"),
        ("--epochs=10", "Unknown command line flag 'epochs'. Did you mean: num_epochs ?"),
        ("--hidden-layers=8", "Did you mean: hidden_sizes ?"),
        ("--early_stopping", "Did you mean: patience ?"),
        ("--seed=abc", "flag --seed=abc: expected a whole number from 0 to 4294967295, got abc"),
        ("--seed", "Missing value for flag --seed"),
        ("--optimizer=foo", "value should be one of <adagrad|"),
        ("--plots=maybe", "Non-boolean argument to boolean flag"),
        ("--class_weights=fair", "--class_weights=fair: expected balanced or a number a class; "),
        ("--class_weights=1,-2", "expected balanced or a number a class; expected 0 or a number"),
        ("--flagfile=/no/such", "No such file"),
        (f"--flagfile={os.path.realpath(os.__file__)[:-5]}", ""),  # a folder
        ("--dataset=", "expected a name or a path, got ''"),
        ("--workdir= ", "expected a name or a path, got ' '"),
        ("--data_dir=a\0b", r"expected a name or a path, got 'a\x00b'"),
        ("--workdir=~nosuchuser/x", "got ~nosuchuser/x: there is no such user"),
        ("--optimizer=a\nb\x1b[2J", r"\x1b[2J"),
    ],
)
def test_a_flag_that_cannot_be_read_is_one_line(argument, expected):
    assert expected in refusal(argument)


def test_what_others_call_a_flag_is_met_with_one_that_there_is():
    assert {*ours.ELSEWHERE.values()} <= {*settings.ABOUT}
    for other, own in ours.ELSEWHERE.items():
        if other not in flags.FLAGS and own in flags.FLAGS:
            assert f"Did you mean: {own} ?" in refusal(f"--{other}=1")
    assert refusal("--sed=1").count("Did you mean") == 1


@pytest.mark.parametrize(
    ("text", "value"), [("balanced", "balanced"), ("1, 2.5", [1.0, 2.5]), ("0,1", [0.0, 1.0])]
)
def test_class_weights_are_numbers_or_balanced(text, value):
    with command_line(f"--class_weights={text}"):
        assert flags.FLAGS.class_weights == value


def test_a_file_of_flags_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "flags").write_bytes(b"\xff\xfe")
    assert "can't decode" in refusal(f"--flagfile={tmp_path / 'flags'}")
    (tmp_path / "flags").write_text("--seed=-1")
    assert "from 0 to 4294967295, got -1" in refusal(f"--flagfile={tmp_path / 'flags'}")


def test_it_is_so_in_a_process_of_its_own_and_the_exit_code_is_1():
    code, out, err = finish(start("mnist", "--learning_rate=nan"))
    assert (code, out) == (1, "experiments.mnist: starting JAX\n")
    assert err == (
        "error: flag --learning_rate=nan: expected 0 or a number from 1.2e-38 to 3.4e+38, got nan\n"
    )


def test_words_that_are_no_flags_are_refused():
    with pytest.raises(ValueError, match=r"expected flags only.*got fashion mnist"):
        ours.refuse_arguments(["program", "fashion", "mnist"])


@pytest.mark.parametrize(
    "text",
    ["0", "64,-1", "64,,32,x", "wide", "1.5", "2147483648", "²", "1" * 5000, "1" + 256 * ",1"],
)
def test_widths_that_are_no_widths_are_refused(text):
    assert "widths" in refusal(f"--hidden_sizes={text}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500steps", (500, "step")),
        ("1step", (1, "step")),
        ("2 epochs", (2, "epoch")),
        ("5seconds", (5, "second")),
        ("0", (0, "epoch")),
    ],
)
def test_intervals_are_steps_epochs_or_seconds(text, expected):
    with command_line(f"--checkpoint_every={text}"):
        assert flags.FLAGS.checkpoint_every == expected


@pytest.mark.parametrize(
    "text", ["often", "5", "-1steps", "1.5epochs", "٣steps", "2147483648steps"]
)
def test_other_intervals_are_refused(text):
    expected = "expected such as 500steps, 1epoch, 5seconds or 0, and at most 2147483647, got"
    assert f"{expected} {text}" in refusal(f"--checkpoint_every={text}")


@pytest.mark.parametrize("asked", ["--help", "-h"])
def test_help_is_no_mistake_and_knows_the_program(asked):
    code, out, err = finish(start("lessons.perceptron", asked, "--bogus"))
    assert (code, err) == (0, "")
    assert out.startswith("A perceptron learns AND and OR")
    for name in ("--seeds", "--widths", "--[no]overwrite", "--[no]compilation_cache"):
        assert f"\n  {name}\n" in out
    assert "--verbosity" not in out  # absl's own


def test_a_file_that_cannot_be_written_is_seen_before(tmp_path):
    ours.refuse_unwritable(tmp_path / "new", "--json")
    assert list(tmp_path.iterdir()) == []
    for path in (tmp_path, tmp_path / "no" / "file", tmp_path / ("x" * 300) / "file"):
        with pytest.raises((ValueError, OSError), match="--json needs a file that can|too long"):
            ours.refuse_unwritable(path, "--json")
