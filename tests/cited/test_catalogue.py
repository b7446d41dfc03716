"""The catalogue is plain data that the sweep's own flags take."""

import pytest

from experiments.app.presets import PRESETS
from experiments.cited import asked
from experiments.cited.catalogue import COMMANDS, INSTEAD, PARTS, PUBLISHED, WHOLE
from experiments.cited.commands import ablation, each_once, line, steps

STEPS = ablation()
EVERY = each_once(COMMANDS, steps(STEPS))


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY)
def test_every_command_is_one_of_the_sweep_over_named_seeds(command):
    given = asked.settings_of(command.flags)
    assert given.save_networks
    assert given.sweep == []
    assert given.dataset != "auto"
    assert any(flag.startswith(("--seeds=", "--preset=")) for flag in command.flags)
    assert command.id.isidentifier()
    assert line(command.flags).startswith("python -m experiments.sweep --")


def test_ids_and_rows_differ_and_the_readme_has_a_few():
    assert len({each.id for each in COMMANDS}) == len(COMMANDS)
    assert len({each.row for each in (*COMMANDS, *STEPS)}) == len(COMMANDS) + len(STEPS)
    assert 1 <= sum(each.is_first for each in COMMANDS) <= 5


def test_the_last_step_is_the_preset_but_for_what_is_said():
    *others, last = steps(STEPS)
    (whole,) = [each for each in COMMANDS if each.id == "strong"]
    expected = {**asked.decisive(whole.flags), **INSTEAD}
    assert asked.decisive(last.flags) == expected
    assert not {each.id for each in (*others, last)} & {each.id for each in COMMANDS}


def test_every_part_of_the_ablation_is_one_of_the_preset():
    preset = PRESETS[WHOLE]
    assert [part.name for part in PARTS if preset.keys().isdisjoint(part.settings)] == []


def test_what_others_published_is_in_order_and_as_they_say():
    figures = [each.accuracy for each in PUBLISHED]
    assert figures == [98.95, 99.05, 99.06, 99.20, 99.36, 99.43, 99.43]
    names = ["Srivastava", "Srivastava", "Goodfellow", "Rasmus", "Miyato", "Rasmus", "Pezeshki"]
    assert all(name in each.source for name, each in zip(names, PUBLISHED, strict=True))
