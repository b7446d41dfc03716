"""The README's examples and commands do what it says."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
from absl import flags
from programs import command_line

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
RESUMING = (ROOT / "docs" / "reproducibility.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"python -m experiments\.(\w+)([^#`\n]*)", README)


def test_the_examples_run_and_print_what_they_say(capsys):
    import numpy as np

    first, population, update = EXAMPLES
    exec(first, names := {})
    accuracy, classes = capsys.readouterr().out.splitlines()
    stated = float(re.search(r"# (0\.\d+)", first)[1])
    assert float(accuracy) == pytest.approx(stated, abs=0.02)
    assert classes == "[0 1 2]"
    names["recipe"] = names["recipe"]._replace(num_epochs=2)  # in place of 40
    exec(population, names)
    shape, summary = capsys.readouterr().out.splitlines()
    assert shape == "(2, 2, 16, 2)"
    assert "(2, 2, 16, 40)" in population
    assert re.match(
        r"Summary\(setting=\{'learning_rate': 0.001, 'hidden_sizes': \(32,\)\}", summary
    )
    exec(update, names | {"inputs": np.ones((8, 784)), "labels": np.zeros(8, int)})


def test_the_examples_of_resuming_run(tmp_path, monkeypatch, blobs):
    import numpy as np
    import optax

    import jaxmlp

    monkeypatch.chdir(tmp_path)
    model, task = jaxmlp.mlp((4, 8, 3)), jaxmlp.classification(3)
    recipe = jaxmlp.Recipe(model, task, optax.adam, {"learning_rate": 0.01}, 16, 2)
    names = {"jaxmlp": jaxmlp, "recipe": recipe, "data": blobs}
    alone, many, network = re.findall(r"```python\n(.*?)```", RESUMING, re.DOTALL)
    for example in (alone, alone, many, many, network):  # once more: each is over
        exec(example, names)
    assert jaxmlp.digest(names["run"].state) == jaxmlp.digest(jaxmlp.train(recipe, blobs, 0).state)
    assert names["runs"].shape == (2, 8)
    expected = jaxmlp.predict(recipe, names["run"].params, blobs.test_inputs)
    assert np.array_equal(names["probabilities"], expected)


@pytest.mark.parametrize(("program", "arguments"), sorted(set(COMMANDS)))
def test_the_commands_are_of_programs_and_flags_that_are_there(program, arguments):
    module = importlib.import_module(f"experiments.{program}")
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"{module.__name__}.__main__")
    assert callable(module.main)
    given = [word for word in shlex.split(arguments) if word.startswith("--") and word != "--help"]
    if hasattr(module, "define"):  # its flags are its own
        module.define(values := flags.FlagValues())
        values(["program", *given])
        assert all(values[word[2:].partition("=")[0]].present for word in given)
        return
    with command_line(*given):
        assert all(flags.FLAGS[word[2:].partition("=")[0]].present for word in given)


def test_every_module_in_the_map_is_there():
    house = README.partition("## The house")[2]
    root = Path(__file__).parent.parent
    names = set(re.findall(r"(\w+\.py)\b", house))
    there = {
        path.name
        for folder in ("jaxmlp", "experiments", "tests")
        for path in (root / folder).rglob("*.py")
    }
    assert names <= there
    assert len(names) > 15
