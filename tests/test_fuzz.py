"""Generated bad input for every program: one line each, no work begun, and nothing touched.

Each kind makes, from a seed, a command that is accepted, and the same with one mistake in it.
"""

import gzip
import json
import random
import shutil
import signal
import string
import zlib

import idx_files
import npz_files
import numpy as np
import pytest
from absl import flags
from PIL import Image
from programs import call
from run_files import files

import jaxmlp
from experiments import benchmark, mnist, predict, replay, sweep, verify
from experiments.data import sources
from jaxmlp.populations.grid import make_grid
from jaxmlp.runtime import receipt
from jaxmlp.training.checks import check

SECONDS = 60  # that a refusal may take at the very most, on a machine that is busy
ROUNDS = 18  # commands of each kind; `make slow` tries more

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
CLASSES = np.arange(40) % 3
EMNIST = tuple(
    f"emnist-letters-{part}-ubyte"
    for part in ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
)
LETTERS = idx_files.arrays(first_label=1, num_classes=26)


class AcceptedError(Exception):
    """A program has begun to work."""


def begin(*_, **__):
    raise AcceptedError


def late(*_):
    raise TimeoutError(f"not refused within {SECONDS} s")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a finished run and a finished sweep of 8x8 pictures, and files for others."""
    home = tmp_path_factory.mktemp("home")
    np.savez(home / "data.npz", x=PIXELS, y=CLASSES)
    common = (f"--dataset={home / 'data.npz'}", "--num_epochs=1", "--hidden_sizes=4", "--noplots")
    call(mnist, *common, f"--workdir={home / 'run'}")
    axis = "--sweep=learning_rate=0.01,0.1"
    call(sweep, *common, axis, "--seeds=0:2", f"--workdir={home / 'sweep'}")
    Image.fromarray(np.kron(PIXELS[0], np.ones((9, 9), np.uint8))).save(home / "picture.png")
    (home / "file").write_text("mine")
    return home


@pytest.fixture
def stubs(home, monkeypatch):
    """Work that is not to begin; the checks before it stay; and an end to what hangs."""

    def warm_up(recipe, data, _=None, window=None, **given):
        check(recipe, data, window=window)
        begin()

    def plan_many(recipe, data, seeds, sweep=None, **options):
        grid = make_grid(recipe, seeds, sweep, shuffle_seeds=options.get("shuffle_seeds"))
        for made in grid.recipes:
            check(made, data)
        begin()

    monkeypatch.setattr(jaxmlp, "warm_up", warm_up)
    monkeypatch.setattr(jaxmlp, "plan_many", plan_many)
    monkeypatch.setattr(jaxmlp, "predict", begin)
    monkeypatch.setattr(benchmark, "import_seconds", begin)
    monkeypatch.setattr(sources.mnist_family.tfds_cache, "download", begin)
    monkeypatch.setenv("JAXMLP_DATA_DIR", "")
    monkeypatch.chdir(home)
    before = signal.signal(signal.SIGALRM, late)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Case:
    """A program's good and bad arguments, and the folder for what they need."""

    def __init__(self, home, place, seed):
        self.home, self.place, self.random = home, place, random.Random(seed)
        self.number = seed

    def pick(self, values):
        """The values in turn, so that each gets its trial."""
        return list(values)[self.number % len(list(values))]

    def mnist(self, *good_and_bad, program=mnist):
        base = f"--dataset={self.home / 'data.npz'}", "--batch_size=8", "--workdir=new"
        return program, *((*base, *arguments) for arguments in good_and_bad)

    def copy(self, name):
        """A run's folder of its own."""
        return shutil.copytree(self.home / name, self.place / name)

    def with_a_letter(self, text, letters):
        """A text with a character too many, anywhere."""
        at = self.random.randrange(len(text) + 1)
        return text[:at] + self.random.choice(letters) + text[at:]

    def cut(self, data):
        return data[: self.random.randrange(len(data))]


FLOATS = (
    *("learning_rate", "l2", "weight_decay", "kernel_stddev", "bias_stddev"),
    "validation_fraction",
)
WHOLE = ("seed", "num_epochs", "batch_size", "eval_every", "keep", "threads")
ENUMS = (
    *("optimizer", "schedule", "activation", "kernel_init", "bias_init", "stop_metric"),
    "on_fault",
)


def a_number(case):
    name, odd = case.pick(FLOATS), case.with_a_letter("0.5", "xy!;,²٣\x1b")
    values = ["nan", "-inf", "inf", "1e999", "-1", "1e-99", "", "9" * 400, "0x1p3", odd]
    return case.mnist([f"--{name}=0.5"], [f"--{name}={case.random.choice(values)}"])


def a_whole_number(case):
    name, odd = case.pick(WHOLE), case.with_a_letter("22", "xyz!;,.²٣\x1b")
    values = ["nan", "-1", "1e3", "1.5", "", "9" * 12, "9" * 5000, "-" + "9" * 30, odd]
    good = 2 if name != "threads" else receipt.num_threads() or 1
    return case.mnist([f"--{name}={good}"], [f"--{name}={case.random.choice(values)}"])


def widths(case):
    bad = case.random.choice(
        [case.with_a_letter("6,6", "-.x²٣;"), "0", "1,0", "2147483648", "9" * 99, "1," * 999]
    )
    return case.mnist(["--hidden_sizes=6,6"], [f"--hidden_sizes={bad}"])


def an_interval(case):
    good = case.random.choice(["5steps", "1epoch", "2 seconds"])
    bad = case.random.choice([case.with_a_letter(good, "-.x²٣;"), "", "5", "9" * 15 + "steps"])
    return case.mnist([f"--checkpoint_every={good}"], [f"--checkpoint_every={bad}"])


def a_choice(case):
    name = case.pick(ENUMS)
    good = flags.FLAGS[name].default
    bad = case.with_a_letter(good, string.ascii_uppercase + "\n\x00é ")
    return case.mnist([f"--{name}={good}"], [f"--{name}={bad}"])


def a_switch(case):
    name = case.pick(["plots", "tensorboard", "resume", "overwrite", "check_finite"])
    bad = case.with_a_letter("maybe", string.ascii_letters)
    return case.mnist([f"--{name}={str(flags.FLAGS[name].default).lower()}"], [f"--{name}={bad}"])


def an_unknown_flag(case):
    names = {*flags.FLAGS} | {f"no{name}" for name in flags.FLAGS}
    name = next(
        n for n in iter(lambda: case.with_a_letter("seed", "abcxyz_"), "") if n not in names
    )
    bad = case.random.choice([f"--{name}=1", f"--{name}", f"-{name}=1", "word", "a\nb"])
    return case.mnist(["--seed=1"], [bad])


def a_place(case):
    name = case.pick(["workdir", "data_dir", "dataset"])
    home = case.home
    bad = {
        "workdir": [home / "file", home / "file" / "below", home, "x" * 300, "~nosuchuser/x"],
        "data_dir": [home / "file", "~nosuchuser/x"],
        "dataset": [home, home / "file", "no.npz", "mnits", "a\nb.npz", "x" * 999 + ".npz"],
    }[name]
    if name == "data_dir":
        return mnist, ["--dataset=digits"], ["--dataset=mnist", f"--data_dir={case.pick(bad)}"]
    bad = case.random.choice([*bad, "", " ", "\0"])
    return case.mnist([], [f"--{name}={bad}"])


def too_much(case):
    pairs = [
        ("--hidden_sizes=9", "--hidden_sizes=2000000000"),
        ("--hidden_sizes=9,9", "--hidden_sizes=900000,900000"),
        ("--num_epochs=100", "--num_epochs=2147483647"),
        ("--batch_size=8", "--batch_size=41"),
        ("--validation_fraction=0.5", "--validation_fraction=0.001"),
    ]
    good, bad = case.pick(pairs)
    return case.mnist([good], [bad])


def a_contradiction(case):
    held = "--validation_fraction=0.2"
    pairs = [
        ([held, "--patience=2"], ["--patience=2"]),
        ([held, "--patience=2"], [held, "--patience=2", "--eval_every=3"]),
        ([held, "--target=0.9"], ["--target=0.9"]),
        (
            [held, "--target=0.9", "--stop_metric=accuracy"],
            [held, "--target=90", "--stop_metric=accuracy"],
        ),
        ([], ["--resume", "--overwrite"]),
    ]
    return case.mnist(*case.pick(pairs))


def a_sweep(case):
    wrong = case.with_a_letter
    held = "--validation_fraction=0.2"
    pairs = [
        (["--seeds=0:4"], [f"--seeds={wrong('0:4', 'x.²٣')}"]),
        (["--seeds=1,2"], [f"--seeds={wrong('1,2', 'x.²٣;')}"]),
        (["--seeds=0:4"], [f"--seeds=0:{10 ** case.random.randrange(6, 30)}"]),
        (["--shuffle_seeds=0:4"], ["--shuffle_seeds=4:0"]),
        (["--shuffle_seeds=0:4"], ["--shuffle_seeds="]),
        (["--seeds=0:300"], ["--seeds=0:1000", "--shuffle_seeds=0:1000"]),
        (["--sweep=learning_rate=1,2"], [f"--sweep=learning_rate={wrong('1,2', 'x!²٣,')}"]),
        (["--sweep=l2=1,2"], [f"--sweep={wrong('l2', 'abc')}=1,2"]),
        (["--sweep=l2=1,2"], ["--sweep=l2=1,nan"]),
        (["--sweep=l2=1,2"], ["--sweep=l2=1,1.0"]),
        (["--sweep=l2=1,2"], ["--sweep=l2=1,2", "--sweep=l2=3"]),
        (["--sweep=batch_size=8,9"], ["--sweep=batch_size=8,41"]),
        (["--sweep=num_epochs=1,2"], ["--sweep=num_epochs=1,2147483647"]),
        (["--sweep=hidden_sizes=8,8x8"], ["--sweep=hidden_sizes=8,900000x900000"]),
        (["--seeds=7"], ["--seed=7"]),
        (["--on_fault=ignore"], ["--on_fault=skip"]),
        (["--checkpoint_every=1epoch"], ["--checkpoint_every=5steps"]),
        ([held, "--halving=3"], ["--halving=3"]),
        ([held, "--halving=3"], [held, f"--halving={wrong('3', '-x.²٣')}"]),
        (["--mode=fast"], ["--mode=slow"]),
        ([], ["--tensorboard"]),
    ]
    return case.mnist(*case.pick(pairs), program=sweep)


def a_word(case):
    run, old = str(case.home / "run"), str(case.home / "sweep")
    member = "--member=learning_rate=0.1,seed=1"
    odd = case.random.choice(["", "no", "\x1b", str(case.home), str(case.home / "file"), "x" * 300])
    none = case.home / "no" / "f.json"
    return case.pick(
        [
            (verify, [run], [odd]),
            (verify, [run], [run, run]),
            (verify, [run], [run, old]),
            (verify, [run], []),
            (replay, [old, member], [odd, member]),
            (replay, [old, member], [old]),
            (replay, [old, member], [run, member]),
            (replay, [old, member], [old, case.with_a_letter(member, "x²٣;=,")]),
            (replay, [old, member], [old, "--member=learning_rate=0.1,seed=0:2"]),
            (replay, [old, member], [old, "--member=learning_rate=0.2,seed=1"]),
            (replay, [old, member], [old, f"{member},seed=1"]),
            (predict, [run, "picture.png"], [odd, "picture.png"]),
            (predict, [run, "picture.png"], [run]),
            (predict, [run, "picture.png"], [run, f"x{odd}"]),
            (predict, [run, "picture.png"], [run, "picture.png", "--picture="]),
            (benchmark, [], [odd or "word"]),
            (benchmark, ["--repeats=3"], [f"--repeats={case.with_a_letter('2', 'x-.²٣')}"]),
            (benchmark, ["--json=f.json"], [f"--json={case.random.choice(['', '.', none])}"]),
        ]
    )


def an_array(case):
    """An .npz file of one's own, whose arrays are well stored and mean nothing."""
    x, y, at = PIXELS.astype(float), CLASSES, case.random.randrange(40)
    kind = case.random.choice(["M8[s]", "m8[s]", "S3", "U3", "c8", "V4", "f4,i4"])
    x_nan, y_gap, y_negative, y_half = x.copy(), y.copy(), y.copy(), y.astype(float)
    x_nan[at, at % 8, at % 8] = case.random.choice([np.nan, np.inf, -np.inf, 1e300])
    y_gap[at], y_negative[at] = case.random.randrange(4, 2**31), -case.random.randrange(1, 2**31)
    y_half[at] += case.random.choice([np.nan, np.inf])
    no_label = case.random.choice(["M8[s]", "m8[s]", "c8", "V4", "f4,i4"])  # texts are labels
    parts = {"x_train": x, "y_train": y, "x_test": x}
    bad = case.pick(
        [
            {"x": x_nan, "y": y},
            {"x": x, "y": y_half},
            {"x": x[at:], "y": y[: at + 1]} if at else {"x": x[1:], "y": y},
            {"x": x.astype(kind) if "," not in kind else np.zeros(40, kind), "y": y},
            {"x": x, "y": y.astype(no_label) if "," not in no_label else np.zeros(40, no_label)},
            {"x": x.astype(object), "y": y},
            {"x": x, "y": [str] * 40},
            {"x": x[:0], "y": y[:0]},
            {"x": x[:, :0], "y": y},
            {"x": x, "y": np.eye(40)[:, :, None]},
            {"x": 1.0, "y": y},
            {"x": x, "y": 1},
            {case.with_a_letter("x", "abc"): x, "y": y},
            {**parts, "y_test": y_gap},
            {**parts, "y_test": y_negative},
            {**parts, "y_test": y + 10 ** case.random.randrange(1, 9)},
            {**parts, "y_test": y, "x_test": x[:, 1:]},
        ]
    )
    np.savez(case.place / "bad.npz", **bad)
    return case.mnist([], [f"--dataset={case.place / 'bad.npz'}"])


def an_archive(case):
    """An .npz file whose bytes are not as NumPy writes them."""
    path, header = case.place / "bad.npz", npz_files.npy(PIXELS)
    y, method = ("y", CLASSES), case.random.choice([1, 6, 9, 12, 14, 93, 95, 99])
    claims = npz_files.claiming(
        case.random.choice([(10**18, 8), (2**80,), (-1,), (40, 8, 9), (39, 8, 8), "x", (1.5,)]),
        case.random.choice(["|u1", "<f8", "|O", "<U99999999", "zz", "<f99", 7]),
        case.random.randbytes(case.random.choice([0, 40 * 64])),
    )
    noise = case.random.randbytes(99)
    content = case.pick(
        [claims, claims, noise, header[:9], case.cut(header), header + b"more", b""]
    )
    good = npz_files.write(case.place / "good.npz", [("x", PIXELS), y])
    npz_files.write(path, [("x", content), y])
    change = case.random.randrange(4)
    if change == 1:
        npz_files.encrypted(shutil.copy(good, path))
    elif change == 2:
        npz_files.packed_by(shutil.copy(good, path), method)
    elif change == 3:
        path.write_bytes(case.cut(good.read_bytes()))
    return case.mnist([f"--dataset={good}"], [f"--dataset={path}"])


def an_idx_file(case):
    """One of the files for which no digest is registered."""
    good, bad = case.place / "good", case.place / "bad"
    for place in (good, bad):
        idx_files.write(place, EMNIST, True, LETTERS)
    which = case.number % 4
    array, path = LETTERS[which], bad / f"{EMNIST[which]}.gz"
    whole, packed = idx_files.encode(array), path.read_bytes()
    dims = case.random.randrange(4, 4 + 4 * array.ndim)
    changed = bytearray(whole)
    changed[dims] ^= 1 << case.random.randrange(8)
    damaged = bytearray(packed)
    damaged[case.random.randrange(len(packed) - 8, len(packed))] ^= 1 << case.random.randrange(8)
    content = case.random.choice(
        [
            case.cut(packed),
            bytes(damaged),
            gzip.compress(case.cut(whole)),
            gzip.compress(whole + bytes(10 ** case.random.randrange(8)), 1),
            gzip.compress(bytes(changed)),
            gzip.compress(b"\0\0\x08" + bytes([array.ndim]) + b"\xff" * 4 * array.ndim),
            gzip.compress(case.random.randbytes(len(whole))),
            whole,
        ]
    )
    path.write_bytes(content)
    return case.mnist(*(["--dataset=emnist/letters", f"--data_dir={p}"] for p in (good, bad)))


def a_picture(case):
    good, path = case.home / "picture.png", case.place / "bad.png"
    whole = good.read_bytes()
    side = (10 ** case.random.randrange(5, 9)).to_bytes(4, "big")
    header = b"IHDR" + 2 * side + whole[24:29]
    bomb = whole[:12] + header + zlib.crc32(header).to_bytes(4, "big") + whole[33:]
    noise = case.random.randbytes(999)
    content = case.pick([whole[:99], case.cut(whole[:150]), noise, b"<svg/>", bomb, b"", None])
    if content is None:
        Image.new("L", (99, 99), case.random.randrange(256)).save(path)
    else:
        path.write_bytes(content)
    return predict, [case.home / "run", good], [case.home / "run", path]


def examples_to_guess_at(case):
    x = PIXELS.astype(float)
    bad = case.pick(
        [
            {"x": x[:, 1:]},
            {"x": x.astype("c8")},
            {"x": x, "y": CLASSES[1:]},
            {"x": x, "y": CLASSES + 9},
            {"x": x, "y": CLASSES - 1},
            {"x": x[:0]},
            {"z": x},
        ]
    )
    np.savez(case.place / "bad.npz", **bad)
    run = case.home / "run"
    return predict, [run, case.home / "data.npz"], [run, case.place / "bad.npz"]


def a_record(case):
    """A run's folder with one of its records damaged, for each program that reads it."""
    program, name, record = case.pick(
        [
            (verify, "run", "receipt.json"),
            (verify, "run", "config.json"),
            (predict, "run", "config.json"),
            (predict, "run", "params.npz"),
            (replay, "sweep", "config.json"),
            (replay, "sweep", "runs.npz"),
            (mnist, "run", "config.json"),
            (mnist, "run", "environment.json"),
        ]
    )
    folder, home = case.copy(name), case.home
    path = folder / record
    whole = path.read_bytes()
    path.write_bytes(damaged(case.random, whole) if record.endswith("json") else case.cut(whole))
    rest = {
        verify: [],
        predict: ["picture.png"],
        replay: ["--member=learning_rate=0.1,seed=1"],
        mnist: ["--resume"],
    }[program]
    flag = "--workdir={}" if program is mnist else "{}"
    return program, *([flag.format(place), *rest] for place in (home / name, folder))


def damaged(rng, whole):
    """A JSON record that no program writes."""
    record = json.loads(whole)
    fields = record.get("config", record)
    names = [name for name in fields if name in ("sizes", "seed", "hidden_sizes", "versions")]
    fields[rng.choice(names)] = rng.choice([{}, [[]], "a", {"a": None}, [None], 1.5, -1])
    odd = [b"[" * 100_000, b'{"a":' * 100_000, b"[]", b"null", b"1" * 5000, b"\xff\xfe" + whole]
    return rng.choice(
        [*odd, whole[: rng.randrange(len(whole) - 2)], *[json.dumps(record).encode()] * 3]
    )


KINDS = (
    *(a_number, a_whole_number, widths, an_interval, a_choice, a_switch, an_unknown_flag, a_place),
    *(too_much, a_contradiction, a_sweep, a_word, an_array, an_archive, an_idx_file, a_picture),
    *(examples_to_guess_at, a_record),
)


def refusal(module, arguments):
    """The one line with which a program ends; None where it begins to work."""
    try:
        signal.alarm(SECONDS)
        with pytest.raises(SystemExit) as stopped:
            call(module, *arguments)
        message = stopped.value.code
        assert isinstance(message, str)
        assert message.startswith("error: ")
        assert message.isprintable()
    except AcceptedError:
        return None
    except BaseException as error:
        error.add_note(f"{module.__name__} {' '.join(map(repr, arguments))}")
        raise
    return message


def try_kind(kind, home, tmp_path, seeds):
    for seed in seeds:
        place = tmp_path / str(seed)
        place.mkdir()
        module, good, bad = kind(Case(home, place, seed))
        assert refusal(module, good) is None, good
        before = files(home), files(place)
        assert refusal(module, bad) is not None, bad
        assert (files(home), files(place)) == before, bad
        shutil.rmtree(place)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_bad_input_is_refused_in_a_line(kind, home, stubs, tmp_path):
    try_kind(kind, home, tmp_path, range(ROUNDS))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_more_bad_input_is_refused_in_a_line(kind, home, stubs, tmp_path):
    try_kind(kind, home, tmp_path, range(ROUNDS, 20 * ROUNDS))


def try_flipped_bits(home, tmp_path, seeds):
    """Files that may be as good as before: whatever is made of them, it is no traceback."""
    idx_files.write(tmp_path / "idx", EMNIST, True, LETTERS)
    formats = ("png", "jpg", "gif", "bmp", "tiff", "webp", "ppm")
    with Image.open(home / "picture.png") as picture:
        for suffix in formats:
            picture.save(tmp_path / f"picture.{suffix}")
    shutil.copy(home / "data.npz", tmp_path / "data.npz")
    idx = ["--dataset=emnist/letters", f"--data_dir={tmp_path / 'idx'}", "--workdir=new"]
    ways = [
        (mnist, tmp_path / "data.npz", [f"--dataset={tmp_path / 'data.npz'}", "--workdir=new"]),
        (predict, tmp_path / "data.npz", [home / "run", tmp_path / "data.npz"]),
        (mnist, tmp_path / "idx" / f"{EMNIST[0]}.gz", idx),
        (mnist, tmp_path / "idx" / f"{EMNIST[3]}.gz", idx),
    ]
    for suffix in formats:
        path = tmp_path / f"picture.{suffix}"
        ways.append((predict, path, [home / "run", path]))
    for module, _, arguments in ways:
        assert refusal(module, arguments) is None
    outcomes = set()
    for seed in seeds:
        rng = random.Random(seed)
        module, path, arguments = ways[seed % len(ways)]
        whole = path.read_bytes()
        data = bytearray(whole)
        for _ in range(rng.choice([1, 2, 30])):
            data[int(len(data) * rng.random() ** 2)] ^= 1 << rng.randrange(8)  # headers more often
        path.write_bytes(data)
        before = files(home)
        outcomes.add(refusal(module, arguments) is None)
        path.write_bytes(whole)
        assert files(home) == before
    assert outcomes == {True, False}


def test_flipped_bits_end_in_a_line_or_make_no_difference(home, stubs, tmp_path):
    try_flipped_bits(home, tmp_path, range(110))


@pytest.mark.slow
def test_more_flipped_bits_end_in_a_line_or_make_no_difference(home, stubs, tmp_path):
    try_flipped_bits(home, tmp_path, range(110, 5000))
