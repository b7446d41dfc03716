import contextlib

import jax
import numpy as np
import pytest

from experiments.app import determinism
from experiments.speed.gpu import children, device, expectation, measure, programs, training
from experiments.speed.gpu.cases import FULL, SMALL, Case
from experiments.speed.processes import AnswerError

BOTH = "--xla_gpu_exclude_nondeterministic_ops=true --xla_gpu_autotune_level=0"
ROWS = [{"promise": "G2", "what": "members", "held": True, "detail": ""}]


@pytest.fixture
def done(monkeypatch):
    """What was asked for, of all that takes time."""
    done = []
    monkeypatch.setenv("XLA_FLAGS", "--own=1")

    def ask(module, *arguments, **variables):
        done.append((module, arguments, variables))
        found = {"rows": ROWS, "digest": "abc"} if "promises" in module else {"epoch_seconds": 2.0}
        return {"failed": None, "seconds": 1.0, **found}

    def limits(scale):
        done.append("limits")
        return {"flops": {"float32": 1.0, "bfloat16": 1.0}, "bandwidth": 1.0, "step_seconds": 1.0}

    def population(case, scale, limits):
        done.append(case)
        return {"network_epochs_per_second": 3.0}

    monkeypatch.setattr(children, "ask", ask)
    monkeypatch.setattr(device, "limits", limits)
    monkeypatch.setattr(programs, "check", lambda scale, tell, folder: [{"held": True}])
    monkeypatch.setattr(training, "population", population)
    monkeypatch.setattr(training, "until", lambda target, data: {"target": target})
    monkeypatch.setattr(measure, "missing", lambda peer: ["torch"])
    return done


def measured(minutes=8, rehearse=True, tell=lambda text: None, save=lambda figures: None):
    return measure.measure("the data", minutes, rehearse, tell, save)


def test_all_is_measured_and_kept_after_each_part(done):
    told, saved = [], []
    found = measured(tell=told.append, save=lambda figures: saved.append(str(figures)))
    assert len(told) == len(saved) == len(set(saved)) == 2 + 2 + 8 + 3 + 1 + 2 + 1
    assert saved[-1] == str({n: value for n, value in found.items() if n != "seconds"})
    assert [row["promise"] for row in found["promises"]] == ["G2"] * 3
    assert found["digests"] == {"process 1": "abc", "process 2": "abc", "as it is": "abc"}
    assert found["programs"] == [{"held": True}]
    assert len(found["population"]) == 8
    assert found["until"] == {"target": 0.9}
    assert (found["rehearsal"], found["skipped"]) == (True, [])
    assert found["device"]["platform"] == "cpu"
    assert [row["absent"] for row in found["peers"]] == [["torch"]] * 2
    assert told[0].startswith("the device's limits; 480 s left")


def test_the_flags_of_others_are_kept_beside_those_that_are_tried(done):
    measured()
    asked = [each for each in done if isinstance(each, tuple) and not isinstance(each, Case)]
    flags = {
        "speed.gpu.promises": [f"--own=1 {BOTH}"] * 2 + [None],
        "speed.gpu.alone": [
            *(None, f"--own=1 {BOTH}", "--own=1 --xla_gpu_enable_command_buffer=+WHILE"),
        ],
    }
    for module, expected in flags.items():
        assert [v.get("XLA_FLAGS") for name, _, v in asked if name == module] == expected
    caches = [v.get("JAX_ENABLE_COMPILATION_CACHE") for n, _, v in asked if "promises" in n]
    assert caches == ["false"] * 3
    assert {arguments for name, arguments, _ in asked if "alone" in name} == {("small",)}
    done.clear()
    measured(rehearse=False)
    assert ("speed.gpu.alone", ("full",), {}) in done


@pytest.mark.parametrize(
    ("given", "expected"), [(None, None), ("cuda", "cuda,cpu"), ("cpu", "cpu")]
)
def test_a_cpu_is_there_to_compare_draws_with(given, expected, done, monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", given or "")
    measure.promises({"promises": [], "digests": {}}, "process 1")()
    [(_, _, variables)] = done
    assert variables.get("JAX_PLATFORMS") == expected


def test_what_there_is_no_time_for_is_named_the_least_important_first(done, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock[0])
    population = training.population

    def slow(case, scale, limits):
        clock[0] += 60
        return population(case, scale, limits)

    monkeypatch.setattr(training, "population", slow)
    monkeypatch.setattr(measure, "expected", lambda case: None)
    found = measured(4, rehearse=False)
    assert [row["members"] for row in found["population"][:4]] == [1, 8, 64, 512]
    left = [row for row in found["population"] if row["failed"]]  # tf32, of which there is no limit
    assert left == []
    assert "4,096 x 784-256-10, float32" in found["skipped"]
    assert found["skipped"][-1] == "promises without --deterministic"
    assert len(found["skipped"]) == 26 + 3 + 1 + 2 + 1
    assert found["digests"].keys() == {"process 1", "process 2"}
    assert measured(0.1, rehearse=False)["limits"] is None


def test_a_population_that_does_not_fit_is_a_row(done, monkeypatch):
    def refuse(case, scale, limits):
        raise ValueError("a member needs 5 GiB\nmore")

    monkeypatch.setattr(training, "population", refuse)
    found = measured()
    assert {row["failed"] for row in found["population"]} == {"a member needs 5 GiB"}
    figures = {"limits": {"flops": {"float32": 1.0}}, "population": []}
    measure.population(Case((784, 256, 10), "tf32", 8), FULL, figures)()
    [row] = figures["population"]
    assert row["failed"] == "the device has no tf32"
    assert row["expected"] == expectation.rate(expectation.H100, (784, 256, 10), "tf32", 8)
    assert measure.expected(Case((64, 16, 10), "float32", 1)) is None


def test_pytorch_trains_the_same_network_on_the_device(monkeypatch, tmp_path):
    asked = []

    @contextlib.contextmanager
    def running(peer, work, cache, on_gpu):
        asked.append((peer.name, work, on_gpu))
        yield "process"

    seconds = iter([4.0, 8.0])
    monkeypatch.setattr(measure, "missing", lambda peer: [])
    monkeypatch.setattr(measure, "running", running)
    monkeypatch.setattr(measure.race, "start", lambda process: None)
    monkeypatch.setattr(measure, "turn", lambda process, at: (next(seconds), {}))
    figures = {"peers": []}
    measure.beside(measure.PEERS[1], SMALL, None, figures, tmp_path)()
    [(name, work, on_gpu)] = asked
    assert (name, on_gpu) == ("torch_gpu_ensemble", True)
    assert (work.hidden, work.num_networks, work.num_epochs) == ((16,), 2, 3)
    assert (work.num_classes, work.eval_every) == (10, 0)
    with np.load(work.data) as arrays:
        assert arrays["train_inputs"].shape == (600, 64)
    [row] = figures["peers"]
    assert (row["network_epoch_seconds"], row["num_networks"]) == (4.0, 2)  # 8 s of both

    def fall(process, at):
        raise AnswerError("CUDA is out of memory")

    monkeypatch.setattr(measure, "turn", fall)
    measure.beside(measure.PEERS[0], SMALL, None, figures, tmp_path)()
    assert figures["peers"][1]["failed"] == "CUDA is out of memory"
    assert figures["peers"][1]["num_networks"] == 1


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"programs": [{"held": False}]}, False),
        ({"promises": [{"held": False, "process": "process 1"}]}, False),
        ({"promises": [{"held": False, "process": "as it is"}]}, True),
        ({"digests": {"process 1": "a", "process 2": "b"}}, False),
        ({"digests": {"process 1": "a", "process 2": "a", "as it is": "b"}}, True),
    ],
)
def test_all_is_sound_where_what_was_promised_held(change, expected):
    found = {"programs": [{"held": True}], "promises": [], "digests": {}} | change
    assert measure.is_sound(found) is expected


def test_a_promise_whose_process_failed_has_its_reason(monkeypatch):
    monkeypatch.setattr(children, "ask", lambda *_, **__: {"failed": "it fell", "seconds": 1.0})
    figures = {"promises": [], "digests": {}}
    measure.promises(figures, "process 1")()
    assert figures["digests"] == {"process 1": "it fell"}
    [row] = figures["promises"]
    assert (row["held"], row["detail"]) == (False, "it fell")


def test_without_a_gpu_there_is_a_line_and_a_rehearsal_goes_on(monkeypatch):
    with pytest.raises(ValueError, match=r"^--gpu needs a GPU that JAX sees, got cpu: pip install"):
        measure.refuse_without_gpu(False)
    measure.refuse_without_gpu(True)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    measure.refuse_without_gpu(False)
    monkeypatch.setenv("XLA_FLAGS", "--xla_gpu_autotune_level=4")
    with pytest.raises(ValueError, match="^--deterministic needs --xla_gpu_autotune_level=0"):
        measure.refuse_without_gpu(False)
    assert determinism.merged("") == BOTH
