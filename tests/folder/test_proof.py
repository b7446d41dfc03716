"""Whatever is forged or damaged in a run's folder is named, or refused in a line."""

import contextlib
import json
import random
import re
import shutil

import numpy as np
import pytest
from programs import call
from run_files import compiled_once, read, save_npz

import jaxmlp
from experiments import mnist, predict, verify

SETTINGS = ["--num_epochs=4", "--batch_size=16", "--hidden_sizes=8", "--noplots"]
FAULTS = ["--on_fault=skip", "--nocheck_finite"]
STOPPED = ["--validation_fraction=0.3", "--patience=2", "--learning_rate=2", "--num_epochs=30"]
GONE = object()
RECORDS = ("receipt.json", "config.json", "metrics.jsonl", "summary.json", "faults.jsonl")
HOSTILE = [
    *(None, True, 0, -1, 0.5, 1e308, 10**30, "", "x", "\n\x1b[31m", "\ud800", [], {}, [[]]),
    *({"a": {"b": {}}}, ["x"] * 50, "~nosuchuser", "/dev/zero", "../x.npz", "__doc__"),
]


@pytest.fixture(autouse=True, scope="module")
def one_program():
    with compiled_once(), trained_once():
        yield


@contextlib.contextmanager
def trained_once():
    """In this process, a training that was done is told again, block by block and line by line.

    What it needs is looked at and compiled once, too.
    """
    train, told, warm_up, warm = jaxmlp.train, {}, jaxmlp.warm_up, set()

    def warm_up_once(recipe, data, *rest, **options):
        key = id(recipe), data.sha256, data.train_inputs.shape
        if key not in warm:
            warm_up(recipe, data, *rest, **options)
            warm.add(key)

    def tell(recipe, data, seed, *, callback, on_block, **options):
        start = options.pop("start", None)
        key = id(recipe), data.sha256, seed, data.train_inputs.shape, tuple(options.items())
        if start is not None:
            return train(
                *(recipe, data, seed),
                **{**options, "start": start, "callback": callback, "on_block": on_block},
            )
        if key not in told:
            events = told[key] = []
            try:
                train(
                    *(recipe, data, seed),
                    callback=lambda progress: events.append((True, progress)),
                    on_block=lambda progress: events.append((False, progress)),
                    **options,
                )
            except jaxmlp.TrainingFault as fault:
                events.append((None, fault))
        for is_epoch, event in told[key]:
            if is_epoch is None:
                raise event
            if (callback if is_epoch else on_block)(event):
                break
        return jaxmlp.Run(event.state.params, event.state, {}, event.faults)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jaxmlp, "train", tell)
        patch.setattr(jaxmlp, "warm_up", warm_up_once)
        yield


@pytest.fixture(scope="module")
def runs(blobs, tmp_path_factory):
    """A run that skipped faults, and one that patience ended; each as it was left."""
    place = tmp_path_factory.mktemp("proof")
    inputs = blobs.train_inputs.copy()
    inputs[[7, 30], 1] = np.inf
    data = {"skipped": blobs._replace(train_inputs=inputs), "stopped": blobs}
    for name, flags in (("skipped", FAULTS), ("stopped", STOPPED)):
        flag = save_npz(place / f"{name}.npz", data[name])
        call(mnist, flag, *SETTINGS, *flags, f"--workdir={place / name}")
    return {name: place / name for name in data}


def said_of(program, *arguments):
    """An exit code, and what is said with it; a mistake is one line."""
    try:
        call(program, *arguments)
    except SystemExit as ended:
        code = ended.code
    else:
        return 0, ""
    if isinstance(code, str):
        assert re.fullmatch(r"error: .*", code)
        return 1, code
    return code, ""


@pytest.mark.parametrize("name", ["skipped", "stopped"])
def test_a_run_left_as_it_was_is_identical(runs, name):
    assert said_of(verify, runs[name]) == (0, "")


def test_the_runs_have_what_is_to_be_forged(runs):
    assert len((runs["skipped"] / "faults.jsonl").read_text().splitlines()) >= 4
    summary = read(runs["stopped"] / "summary.json")
    assert summary["params_epoch"] < summary["num_epochs"] < 30


def leaves(value, path=()):
    """The paths to all values in a record, and to those that hold others."""
    yield path
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in items:
            yield from leaves(item, (*path, name))


def forge(record, path, value):
    """Puts a value there, or another of the kind of what is there, or takes that away."""
    *above, last = path
    for name in above:
        record = record[name]
    if value is GONE:
        del record[last]
    else:
        record[last] = other(record[last]) if value is other else value


def other(value):
    """A value of the same kind."""
    if value is None:
        return 3
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        is_digest = len(value) == 64 and " " not in value
        return value.translate(str.maketrans("0123456789", "1234567890")) if is_digest else "x"
    return [*value, *value] if isinstance(value, list) and value else ["x"]


def load(path):
    """A record, or all lines of a file as one list."""
    if path.suffix == ".json":
        return read(path)
    return [json.loads(line) for line in path.read_text().splitlines()]


def save(path, record):
    if path.suffix == ".json":
        path.write_text(json.dumps(record, indent=2) + "\n")
    else:
        path.write_text("".join(json.dumps(line) + "\n" for line in record))


def is_free(file, path):
    """Whether a field is one of those that are said not to be vouched for."""
    names = [part for part in path if isinstance(part, str)]
    return (
        "seconds" in names
        or (file == "receipt.json" and names[:1] == ["environment"])
        or (file == "receipt.json" and names == ["data", "source"])
    )


@pytest.mark.parametrize("changes", [1, pytest.param(2, marks=pytest.mark.slow)])  # of a field
@pytest.mark.parametrize(
    ("name", "file"),
    [*(("stopped", file) for file in RECORDS[:4]), *(("skipped", file) for file in RECORDS[2:])],
)
def test_each_field_that_is_forged_is_named_or_refused(runs, name, file, changes, tmp_path):
    folder, passed = shutil.copytree(runs[name], tmp_path / "run"), []
    paths = list(leaves(load(folder / file)))[1:]
    last = max((path[0] for path in paths if isinstance(path[0], int)), default=0)  # of lines
    for i, path in enumerate(paths, name == "stopped"):
        is_between = isinstance(path[0], int) and 0 < path[0] < last
        both = (other, GONE) if i % 2 else (GONE, other)
        for change in () if is_free(file, path) or is_between else both[:changes]:
            record = load(runs[name] / file)
            forge(record, path, change)
            save(folder / file, record)
            if said_of(verify, folder)[0] == 0 and record != load(runs[name] / file):
                passed.append((change, path))
    assert passed == []


@pytest.fixture(scope="module")
def compared(blobs, tmp_path_factory):
    """A run beside baselines."""
    place = tmp_path_factory.mktemp("compared")
    flag = save_npz(place / "data.npz", blobs)
    call(mnist, flag, *SETTINGS, "--noreport", "--baselines", f"--workdir={place / 'run'}")
    return place / "run"


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (("scores", "network", "accuracy_low"), 0.5),
        (("scores", "network"), GONE),
        (("scores", "gradient_boosting", "log_loss"), 0.0625),
        (("worth", "p_values", "logistic_regression"), 0.03125),
        (("worth", "text"), "The network is better than gradient boosting."),
        (("worth", "notes"), ["no gradient boosting"]),
        (("worth",), GONE),
    ],
)
def test_a_score_that_is_forged_everywhere_is_named(compared, path, change, tmp_path, capsys):
    folder = shutil.copytree(compared, tmp_path / "run")
    for file in ("summary.json", "receipt.json"):
        record = load(folder / file)
        forge(record.get("summary", record), path, change)
        save(folder / file, record)
    capsys.readouterr()
    assert said_of(verify, folder)[0] == 4
    out = capsys.readouterr().out
    for place in ("summary.json ", "receipt.json summary."):
        assert f"{place}{'.'.join(path)}" in out


def test_a_run_beside_baselines_is_identical(compared):
    assert said_of(verify, compared) == (0, "")


def test_a_run_from_before_there_were_scores_is_identical_too(compared, tmp_path):
    folder = shutil.copytree(compared, tmp_path / "run")
    for file in ("summary.json", "receipt.json", "config.json"):
        record = load(folder / file)
        figures = record.get("summary", record) if file != "config.json" else {}
        for name in ("scores", "worth"):
            figures.pop(name, None)
        if file != "summary.json":
            del record.get("config", record)["outputs"]["baselines"]
        save(folder / file, record)
    assert said_of(verify, folder) == (0, "")


@pytest.mark.parametrize("file", [*RECORDS[:4], "params.npz"])
def test_a_field_or_an_array_too_many_is_named_or_refused(runs, file, tmp_path):
    folder = shutil.copytree(runs["stopped"], tmp_path / "run")
    if file == "params.npz":
        with np.load(folder / file) as arrays:
            np.savez(folder / file, **arrays, more=np.zeros(3))
    else:
        record = load(folder / file)
        for item in record if isinstance(record, list) else [record]:
            item["more"] = None
        save(folder / file, record)
    assert said_of(verify, folder)[0] in (1, 4)


def test_a_test_accuracy_that_is_forged_everywhere_is_named(runs, tmp_path, capsys):
    folder = shutil.copytree(runs["stopped"], tmp_path / "run")
    for file in ("summary.json", "receipt.json"):
        record = load(folder / file)
        record.get("summary", record)["test_accuracy"] = 0.125
        save(folder / file, record)
    lines = load(folder / "metrics.jsonl")
    lines[-1]["test_accuracy"] = 0.125
    save(folder / "metrics.jsonl", lines)
    capsys.readouterr()
    assert said_of(verify, folder)[0] == 4
    out = capsys.readouterr().out
    for place in ("summary.json ", "receipt.json summary.", f"metrics.jsonl epoch {len(lines)} "):
        assert f"{place}test_accuracy: expected " in out


@pytest.mark.parametrize("file", ["summary.json", "receipt.json"])
def test_a_summary_that_is_emptied_is_named(runs, file, tmp_path, capsys):
    folder = shutil.copytree(runs["stopped"], tmp_path / "run")
    save(folder / file, {} if file == "summary.json" else {**load(folder / file), "summary": {}})
    capsys.readouterr()
    assert said_of(verify, folder)[0] == 4
    assert "test_accuracy: expected " in capsys.readouterr().out


@pytest.mark.parametrize("flips", [75, pytest.param(300, marks=pytest.mark.slow)])
def test_each_flipped_bit_is_named_or_refused(flips, runs, tmp_path, capsys):
    """A flip of what is not vouched for passes: seconds, the machine, how params.npz is packed."""
    rng, passed = random.Random(0), []
    folder = shutil.copytree(runs["skipped"], tmp_path / "run")
    for _ in range(flips):
        file = rng.choice([*RECORDS, "params.npz"])
        contents = bytearray((folder / file).read_bytes())
        position, bit = rng.randrange(len(contents)), rng.randrange(8)
        contents[position] ^= 1 << bit
        (folder / file).write_bytes(contents)
        capsys.readouterr()
        code, _ = said_of(verify, folder)
        if code == 0 and "packed otherwise" not in capsys.readouterr().out:
            records = [load(each / file) for each in (runs["skipped"], folder)]
            paths = [{p for p in leaves(r) if not is_free(file, p)} for r in records]
            kept = [{p: value_at(r, p) for p in paths[i]} for i, r in enumerate(records)]
            if file == "params.npz" or kept[0] != kept[1]:
                passed.append((file, position, bit))
        shutil.copy(runs["skipped"] / file, folder / file)
    assert passed == []


def value_at(record, path):
    for name in path:
        record = record[name]
    return None if isinstance(record, dict | list) else record


@pytest.mark.parametrize("times", [48, pytest.param(120, marks=pytest.mark.slow)])
def test_a_folder_that_is_tampered_with_is_one_line_to_every_program(times, runs, tmp_path):
    rng = random.Random(1)
    folder = shutil.copytree(runs["stopped"], tmp_path / "run")
    np.savez(tmp_path / "x.npz", x=np.zeros((2, 4), np.float32))
    files = ["receipt.json", "config.json", "metrics.jsonl", "summary.json", "environment.json"]
    programs = [
        (verify, [folder], files[:4]),
        (mnist, [f"--workdir={folder}", "--resume"], ["config.json", "environment.json"]),
        (predict, [folder, tmp_path / "x.npz"], ["config.json"]),
    ]
    for i in range(times):
        program, arguments, read_by_it = programs[i % 3]
        file = rng.choice(read_by_it)
        record = load(folder / file)
        path = rng.choice(list(leaves(record))[1:])
        forge(record, path, rng.choice(HOSTILE))
        save(folder / file, record)
        code, _ = said_of(program, *arguments)
        if program is verify and not is_free(file, path):
            assert code or record == load(runs["stopped"] / file), (file, path)
        shutil.rmtree(folder)
        shutil.copytree(runs["stopped"], folder)
