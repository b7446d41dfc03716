"""The files that have a supervisor start processes anew are sound, and their flags are there."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import programs
import pytest
from absl import flags
from programs import ROOT

from experiments import mnist
from experiments.app import endings
from jaxmlp.runtime.losing import LOST

FILES = {path.name: path.read_text() for path in (ROOT / "docs" / "supervisors").iterdir()}
TEMPORARY = {
    LOST,
    endings.INTERRUPTED,
    128 + 9,
    128 + 15,
}  # exit codes that another try may do away with
FINAL = {1, endings.DIVERGED}  # and those that it does not


def command_in(text):
    """The words after `python -m experiments.mnist`."""
    text = re.sub(r"\s*\\\n", " ", text)
    _, _, rest = re.sub(r"\n +(?=--)", " ", text).partition("python -m experiments.mnist ")
    return shlex.split(re.sub(r"\s--process_id=\S+", " --process_id=1", rest.splitlines()[0]))


def filled(words):
    return [
        re.sub(r"\$\{(\w+)[^}]*\}", lambda m: {"PROCESSES": "2"}.get(m[1], "a:1"), w) for w in words
    ]


@pytest.mark.parametrize("name", FILES)
def test_flags_are_there_and_fit_each_other(name):
    assert mnist.__name__ == "experiments.mnist"  # whose flags they are
    words = filled(command_in(FILES[name]))
    assert all(word.startswith("--") for word in words)
    with programs.command_line(*words):
        given = {word[2:].partition("=")[0] for word in words}
        assert all(flags.FLAGS[flag].present for flag in given)
        assert flags.FLAGS.resume
    assert {"resume", "workdir"} < given
    assert ("distributed" in given) != (
        {"coordinator_address", "num_processes", "process_id"} <= given
    )


def test_slurm_has_shell_that_is_one():
    subprocess.run(["bash", "-n", "-c", FILES["slurm.sh"]], check=True)


@pytest.mark.parametrize(
    ("code", "restarts"),
    [(code, count) for code in [0, *TEMPORARY, *FINAL] for count in (None, 99)] + [(LOST, 100)],
)
def test_slurm_queues_again_a_hundred_times_what_another_try_may_mend(code, restarts, tmp_path):
    for name, text in (("srun", f'echo "$@"; exit {code}'), ("scontrol", 'echo "again: $@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", FILES["slurm.sh"]],
        env={"PATH": path, "SLURM_JOB_ID": "77"}
        | ({} if restarts is None else {"SLURM_RESTART_COUNT": str(restarts)}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert done.stdout.startswith("--kill-on-bad-exit=0 python -m experiments.mnist --distributed")
    is_again = code in TEMPORARY and restarts != 100
    assert ("again: requeue 77" in done.stdout) == is_again
    assert ("exit code 75 after 100 restarts" in done.stderr) == (restarts == 100)


SRUN = """#!/bin/bash
# Two tasks of a job, as Slurm tells them who they are; the worst exit code.
shift
more="--dataset=digits --hidden_sizes=8 --noplots --num_epochs=60 --checkpoint_every=1epoch"
for i in 0 1; do
    SLURM_PROCID=$i "$@" $more &
    echo $! > "$PIDS/$i"
done
worst=0
for i in 0 1; do
    wait "$(cat "$PIDS/$i")"
    code=$?
    ((code > worst)) && worst=$code
done
exit $worst
"""


@pytest.mark.slow
def test_slurm_goes_on_to_the_bits_of_one_process_where_a_task_was_killed(tmp_path):
    for name, text in (("srun", SRUN), ("scontrol", '#!/bin/sh\necho "again: $@"\n')):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    run = tmp_path / "run"
    slurm = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "127.0.0.1"}
    slurm |= {"SLURM_NTASKS": "2", "SLURM_LOCALID": "0", "SLURM_STEP_NUM_NODES": "1"}
    path = os.pathsep.join([str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"]])
    given = {"PATH": path, "PIDS": str(tmp_path), "WORKDIR": str(run), **slurm}

    def submit():
        return subprocess.Popen(
            ["bash", "-c", FILES["slurm.sh"]],
            cwd=ROOT,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    first = submit()
    while not (run / "metrics.jsonl").exists() or not any((run / "checkpoints").glob("[0-9]*")):
        assert first.poll() is None, first.communicate()
        time.sleep(0.05)
    os.kill(int((tmp_path / "1").read_text()), signal.SIGKILL)
    said, _ = first.communicate(timeout=60)
    assert first.returncode == 137, said
    assert "again: requeue" in said
    assert "error: another process has ended" in said
    again = submit()
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0, said
    assert "going on after step" in said
    settings = ["--dataset=digits", "--hidden_sizes=8", "--noplots", "--num_epochs=60"]
    programs.call(mnist, *settings, "--mesh=data:1", "--threads=2", "--workdir", tmp_path / "alone")
    with np.load(run / "params.npz") as own, np.load(tmp_path / "alone" / "params.npz") as alone:
        assert own.files == alone.files
        assert all(own[name].tobytes() == alone[name].tobytes() for name in own.files)


def test_systemd_knows_all_that_the_unit_says(tmp_path):
    if (verifier := shutil.which("systemd-analyze")) is None:
        pytest.skip("no systemd")
    unit = FILES["jaxmlp@.service"].replace("/srv/jaxmlp/.venv/bin/python", sys.executable)
    (tmp_path / "jaxmlp@0.service").write_text(unit)
    done = subprocess.run(
        [verifier, "verify", tmp_path / "jaxmlp@0.service"], capture_output=True, text=True
    )
    assert "jaxmlp@0.service" not in done.stderr
    assert done.returncode == 0, done.stderr


def test_systemd_tries_again_what_another_try_may_mend():
    lines = dict(
        line.split("=", 1) for line in FILES["jaxmlp@.service"].splitlines() if "=" in line
    )
    assert lines["Restart"] == "on-failure"
    assert set(map(int, lines["RestartPreventExitStatus"].split())) == FINAL


def test_kubernetes_replaces_what_another_try_may_mend():
    yaml = pytest.importorskip("yaml")
    service, job = yaml.safe_load_all(FILES["kubernetes.yaml"])
    assert (service["kind"], service["spec"]["clusterIP"]) == ("Service", "None")
    spec = job["spec"]
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == 2
    rules = spec["podFailurePolicy"]["rules"]
    codes = {rule["action"]: set(rule["onExitCodes"]["values"]) for rule in rules[1:]}
    assert codes == {"Ignore": TEMPORARY, "FailJob": FINAL}
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["subdomain"] == service["metadata"]["name"] == job["metadata"]["name"]
    (line,) = pod["containers"][0]["args"]
    assert "\n" not in line
    assert f"--coordinator_address={job['metadata']['name']}-0.{pod['subdomain']}:" in line
    assert '--process_id="$JOB_COMPLETION_INDEX"' in line


def test_the_page_says_of_each_exit_code_whether_it_is_tried_again():
    page = (ROOT / "docs" / "scaling.md").read_text()
    rows = re.findall(r"^\| (\d[\d, ]*) \|.*\| (yes|no)\b.*\|$", page, re.MULTILINE)
    again = {int(code): answer for codes, answer in rows for code in codes.split(",")}
    assert again == {0: "no"} | dict.fromkeys(FINAL, "no") | dict.fromkeys(TEMPORARY, "yes")


@pytest.mark.parametrize("name", FILES)
def test_the_page_on_processes_has_the_file(name):
    assert f"](supervisors/{name})" in (ROOT / "docs" / "scaling.md").read_text()
