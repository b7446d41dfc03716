"""Each way trains the network that it should, on all examples, and as well as the others."""

import importlib
import json
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

import jaxmlp
from experiments.app import environment
from experiments.speed import processes, race
from experiments.speed.gpu.measure import PEERS as ON_GPU
from experiments.speed.peers import PEERS, line

HERE = {"torch": "torch", "keras": "keras", "scikit-learn": "sklearn", "pillow": "PIL"}


@pytest.fixture(scope="module")
def given(digits):
    data = line.Data(*(digits[index] for index in (0, 1)), *digits[2:4])
    return data, line.Work("", (32,), 10, 64, 3e-3, 6, 2, 5)


def module_of(peer):
    for package in peer.packages:
        pytest.importorskip(HERE.get(package, package))
    if peer.name == "torch_compiled" and not shutil.which("g++"):
        pytest.skip("torch.compile needs a C++ compiler")
    module = importlib.import_module(f"experiments.speed.peers.{peer.name}")
    return getattr(module, "train", None) or module.in_memory


@pytest.mark.filterwarnings("ignore")  # they are others' business
@pytest.mark.parametrize(
    "peer", [each for each in PEERS if "divided" not in each.name], ids=lambda peer: peer.name
)
def test_it_pauses_after_each_epoch_and_learns(peer, given):
    data, work = given
    pauses = []
    with jax.numpy_rank_promotion("allow"):  # as others have it
        accuracies = module_of(peer)(data, work, lambda: pauses.append("now"))
    assert len(pauses) == work.num_epochs
    assert len(accuracies) == (work.num_networks if peer.is_population else 1)
    assert all(0.86 < each <= 1 for each in accuracies)  # 1,437 examples, 6 times


@pytest.mark.parametrize("peer", PEERS[:2], ids=lambda peer: peer.name)
def test_ours_test_in_training_when_they_should(peer, given, monkeypatch):
    data, work = given
    found = []
    for name in ("train", "train_many"):
        own = getattr(jaxmlp, name)
        monkeypatch.setattr(
            jaxmlp, name, lambda *a, o=own, **k: found.append(o(*a, **k)) or found[0]
        )
    module_of(peer)(data, work._replace(num_epochs=4, eval_every=2), lambda: None)
    looks = np.isfinite(found[0].history["test_accuracy"])
    assert looks.reshape(-1, 4).tolist() == [[False, True] * 2] * (2 if peer.is_population else 1)


DIVIDED = """
import importlib, json, jax, jaxmlp, numpy
from sklearn.datasets import load_digits
from experiments.speed.peers import line
inputs, labels = load_digits(return_X_y=True)
data = line.Data(*[numpy.uint8(inputs * 15), numpy.int32(labels)] * 2)
own = jaxmlp.train
def spy(recipe, *args, **given):
    run = own(recipe, *args, **given)
    kernel = run.params[0].kernel
    shapes = {shard.data.shape for shard in kernel.addressable_shards}
    found.append([given["mode"], given["mesh"].devices.size, sorted(shapes)])
    return run
jaxmlp.train = spy
found, pauses = [], []
work = line.Work("", (32,), 10, 64, 3e-3, 6, 2, 5)
for name in ("divided_layer", "divided_batch"):
    module = importlib.import_module(f"experiments.speed.peers.{name}")
    found.append(module.train(data, work, lambda: pauses.append(0)))
print(json.dumps([*found, len(pauses)]))
"""


def test_divided_networks_are_on_two_devices_and_learn():
    done = subprocess.run([sys.executable, "-c", DIVIDED], capture_output=True, text=True)
    layer, [first], batch, [second], pauses = json.loads(done.stdout)
    assert layer == ["fast", 2, [[64, 16]]]
    assert batch == ["fast", 2, [[64, 32]]]
    assert 0.9 < first <= 1
    assert 0.9 < second <= 1
    assert pauses == 12


@pytest.mark.parametrize("name", ["flax_loop", "sklearn_mlp"])
def test_others_test_when_they_should(name, given, monkeypatch):
    data, work = given
    done = []
    monkeypatch.setattr(line, "accuracy", lambda *_: done.append("test") or 0.5)
    [peer] = [peer for peer in PEERS if peer.name == name]
    with jax.numpy_rank_promotion("allow"):
        train = module_of(peer)
        train(data, work._replace(num_epochs=4, eval_every=2), lambda: done.append("pause"))
    assert done == ["pause", "test", "pause", "pause", "test", "pause", "test"]


def test_ours_are_what_the_library_trains_on_all_cores(given, monkeypatch):
    data, work = given
    asked = []
    monkeypatch.setattr(environment, "use_devices", lambda: asked.append("devices"))
    one = line.Work("", (32,), 10, 64, 3e-3, 1, 2, 5)
    alone, population = (module_of(peer)(data, one, lambda: None) for peer in PEERS[:2])
    assert asked == ["devices"]
    assert len(population) == 2
    assert alone[0] == population[0]
    recipe = importlib.import_module("experiments.speed.peers.alone").recipe_of(data, work)
    assert (recipe.batch_size, recipe.num_epochs) == (64, 6)
    assert recipe.hyperparameters == {"learning_rate": 3e-3}
    assert recipe.model == jaxmlp.mlp((64, 32, 10))


def test_networks_of_pytorch_have_the_widths_and_the_start(given):
    torch = pytest.importorskip("torch")
    from experiments.speed.peers import torch_parts

    model = torch_parts.network((400, 300, 10), 0)
    shapes = [tuple(each.shape) for each in model.parameters()]
    assert shapes == [(300, 400), (300,), (10, 300), (10,)]
    assert float(model[0].weight.detach().std()) == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert not any(model[number].bias.abs().sum() for number in (0, 2))
    assert torch.equal(torch_parts.network((400, 300, 10), 0)[2].weight, model[2].weight)


def test_the_classic_makes_tensors_as_torchvision_does():
    torch = pytest.importorskip("torch")
    from experiments.speed.peers.torch_classic import Images

    image, label = Images(np.uint8([[0, 51, 102, 255]]), np.int32([7]))[0]
    assert label == 7
    assert torch.allclose(image, torch.tensor([[[0.0, 0.2], [0.4, 1.0]]]))


@pytest.mark.parametrize("name", ["flax_loop", *(peer.name for peer in ON_GPU)])
def test_it_answers_as_a_process_of_its_own(name, digits, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "REST", 0.0)
    [peer] = [peer for peer in (*PEERS, *ON_GPU) if peer.name == name]
    for package in processes.missing(peer):
        pytest.skip(f"needs {package}")
    work = race.write(digits._replace(num_classes=10), tmp_path / "data.npz")
    with processes.running(peer, work, tmp_path) as process:
        processes.answer(process, "imported")
        processes.answer(process, "loaded")
        processes.turn(process, "trained")
        _, said = processes.turn(process, "tested")
    assert list(said["versions"]) == list(peer.packages)
    assert len(said["accuracies"]) == (work.num_networks if peer.is_population else 1)
