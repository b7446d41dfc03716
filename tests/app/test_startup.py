"""What is on the screen before the work, and where compiled programs are kept."""

import io
import os
import re
import subprocess
import sys
import threading
import time

import jax
import numpy as np
import pytest
from absl import flags
from PIL import Image
from programs import ROOT, call, command_line
from rich.console import Console

import jaxmlp
from experiments import mnist, predict, replay, sweep, verify
from experiments.app import environment, startup

PROGRAMS = [mnist, predict, replay, sweep, verify]
QUICK = ["--dataset=digits", "--num_epochs=1", "--hidden_sizes=4"]


def console(is_terminal):
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=80, color_system=None)


def test_off_a_terminal_compiling_is_a_line_before_and_one_after():
    screen = console(False)
    with startup.compiling(screen) as on_compiled:
        assert screen.file.getvalue() == "compiling\n"
        for done in (1, 2, 3):
            on_compiled(done, 3)
    before, after = screen.file.getvalue().splitlines()
    assert before == "compiling"
    assert after.startswith("compiled 3 programs in ")
    assert after.endswith(" s")


def test_on_a_terminal_the_programs_are_counted_as_they_come():
    screen = console(True)
    with startup.compiling(screen) as on_compiled:
        on_compiled(1, 9)
        on_compiled(3, 9)
        deadline = time.monotonic() + 60
        while "3/9 programs" not in screen.file.getvalue():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert "compiled 9 programs in " in screen.file.getvalue()


@pytest.mark.parametrize("is_wanted", [True, False])
def test_a_flag_turns_the_cache_off(is_wanted, monkeypatch):
    asked = []
    monkeypatch.setattr(jaxmlp, "cache_compilations", lambda: asked.append(True))
    with command_line(*["--nocompilation_cache"] * (not is_wanted)):
        startup.cache_compilations()
    assert asked == [True] * is_wanted
    assert jax.config.jax_enable_compilation_cache == is_wanted
    jax.config.update("jax_enable_compilation_cache", True)


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("no home"), ValueError("no")])
def test_without_a_place_for_the_cache_it_goes_on_with_a_warning(error, monkeypatch):
    def refuse():
        raise error

    monkeypatch.setattr(jaxmlp, "cache_compilations", refuse)
    with command_line(), pytest.warns(UserWarning, match=f"^no compilation cache: {error}$"):
        startup.cache_compilations()


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_that_compiles_has_the_flag(program):
    names = {flag.name for flag in flags.FLAGS.get_key_flags_for_module(program.__name__)}
    assert "compilation_cache" in names


def said_at_the_start(*flags):
    """What a program prints, with a line for each module after it has been imported."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "experiments.verify", *flags],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    return done.stdout.splitlines()


def test_the_first_line_comes_before_jax_is_imported():
    lines = said_at_the_start()
    imported = [number for number, line in enumerate(lines) if re.search(r"\| +jax\b", line)]
    assert lines.index("experiments.verify: starting JAX") < min(imported)


def test_help_is_help_alone():
    assert not any("starting JAX" in line for line in said_at_the_start("--help"))


def test_what_is_imported_meanwhile_is_there_and_what_cannot_be_is_left(monkeypatch):
    monkeypatch.delitem(sys.modules, "experiments.benchmark", raising=False)
    for module in ("experiments.benchmark", "experiments.no_such_module"):
        startup.import_meanwhile(module)
        for thread in threading.enumerate():
            if thread.name == f"import {module}":
                thread.join(timeout=60)
    assert "experiments.benchmark" in sys.modules


@pytest.mark.parametrize(("plots", "report"), [(True, False), (False, True)])
def test_pictures_and_page_are_prepared_while_a_run_trains_if_there_are_to_be_any(
    plots, report, tmp_path, monkeypatch
):
    asked = []
    monkeypatch.setattr(startup, "import_meanwhile", asked.append)
    flags = [*QUICK, f"--plots={plots}", f"--report={report}"]
    call(mnist, *flags, f"--workdir={tmp_path / 'run'}")
    call(sweep, *flags, "--seeds=0:1", f"--workdir={tmp_path / 'sweep'}")
    pictures = ["experiments.plots.run", "experiments.plots.population"] * plots
    assert asked == pictures + ["experiments.report.page", "experiments.report.sweep"] * report


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run, a sweep and a picture."""
    place = tmp_path_factory.mktemp("finished")
    flags = [*QUICK, "--noplots"]
    call(mnist, *flags, f"--workdir={place / 'run'}")
    call(sweep, *flags, "--seeds=0:2", f"--workdir={place / 'sweep'}")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).save(place / "picture.png")
    return place


COMMANDS = {
    mnist: [*QUICK, "--workdir={new}", "--noplots"],
    sweep: [*QUICK, "--workdir={new}", "--noplots", "--seeds=0:2"],
    verify: ["{place}/run"],
    replay: ["{place}/sweep", "--member=seed=1"],
    predict: ["{place}/run", "{place}/picture.png"],
}


@pytest.mark.parametrize("program", COMMANDS, ids=lambda program: program.__name__)
def test_the_cache_is_there_before_anything_is_compiled_and_after_the_threads(
    program, finished, tmp_path, monkeypatch
):
    done = []

    def noted(module, name, text):
        function = getattr(module, name)

        def note(*arguments, **options):
            done.append(text)
            return function(*arguments, **options)

        monkeypatch.setattr(module, name, note)

    noted(environment, "use_threads", "threads")
    noted(startup, "cache_compilations", "cache")
    for name in ("warm_up", "plan_many", "predict"):
        noted(jaxmlp, name, "compile")
    call(
        program, *(each.format(place=finished, new=tmp_path / "new") for each in COMMANDS[program])
    )
    assert done[:3] == ["threads", "cache", "compile"]


@pytest.mark.parametrize(("program", "name"), [(mnist, "warm_up"), (sweep, "plan_many")])
def test_what_is_trained_on_what_stands_there_before_it_is_compiled(
    program, name, tmp_path, monkeypatch, capsys
):
    class CompilingError(Exception):
        pass

    def stop(*arguments, **options):
        told = options.get("on_compiled") or arguments[-1]
        told(1, 2)
        raise CompilingError

    monkeypatch.setattr(jaxmlp, name, stop)
    flags = [each.format(new=tmp_path / "new") for each in COMMANDS[program]]
    with pytest.raises(CompilingError):
        call(program, *flags)
    *introduced, last = capsys.readouterr().out.splitlines()
    assert introduced[0].startswith("digits: 1,438 train, 359 test examples")
    assert re.match("network 64-4-10|2 networks: 2 seeds", introduced[1])
    assert last == "compiling"


def test_xla_writes_nothing_that_it_raises_unless_somebody_wants_it():
    program = "import sys, os; sys.argv = ['-m']; import experiments; "
    program += "print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    own = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    for given, level in (({}, "3"), ({"TF_CPP_MIN_LOG_LEVEL": "0"}, "0")):
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, capture_output=True, text=True, env=own | given)
        assert done.stdout.splitlines()[-1] == level, done.stderr
