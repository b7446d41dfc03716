import numpy as np
import optax
import pytest

import jaxmlp
from jaxmlp import Fault, digest
from jaxmlp.populations.many import population_like
from jaxmlp.storage.checkpoint import Checkpoints, restore
from jaxmlp.storage.progress import (
    as_population,
    as_progress,
    population_parts,
    progress_like,
    progress_parts,
)

RECIPE = jaxmlp.Recipe(
    jaxmlp.mlp((4, 8, 3), norm="batch"),
    jaxmlp.classification(3),
    optax.adam,
    {"learning_rate": 0.01},
    batch_size=16,
    num_epochs=2,
)
FAULTS = Fault(3, 1, "loss", "layer_0", "it is nan"), Fault(5, 2, "gradient", "layer_1/bias", "")


@pytest.fixture
def progress(blobs):
    """After five steps, in the second epoch."""
    seen = []
    jaxmlp.train(RECIPE, blobs, 0, block_every=1, on_block=seen.append)
    return seen[4]


def test_a_progress_comes_back_with_all_that_it_had(blobs, progress, tmp_path):
    progress = progress._replace(
        faults=FAULTS, history=({**progress.history[0], "test_loss": float("nan")},)
    )
    with Checkpoints(tmp_path) as checkpoints:
        step, tree, record = progress_parts(progress)
        checkpoints.save(step, tree, {**record, "lines": [1]}, score=0.5)
    found = restore(tmp_path, progress_like(RECIPE, blobs))
    assert (found.step, found.score, found.record["lines"]) == (5, 0.5, [1])
    restored = as_progress(found)
    assert digest(restored[:2]) == digest(progress[:2])
    assert str(restored.history) == str(progress.history)
    assert restored.faults == FAULTS


def test_a_progress_of_another_network_is_refused(blobs, progress, tmp_path):
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(*progress_parts(progress))
    plain = RECIPE._replace(model=jaxmlp.mlp((4, 8, 3)))
    with pytest.raises(ValueError, match="state/params/0/kernel needs to be float32"):
        restore(tmp_path, progress_like(plain, blobs))


def test_a_population_comes_back_with_all_that_it_had(blobs, tmp_path):
    sweep = {"hidden_sizes": [(8,), (4,)]}
    kept = []
    jaxmlp.train_many(
        *(RECIPE, blobs, (1, 2), sweep),
        callback=lambda report: kept.append(report.snapshot()) or True,
    )
    population = kept[0]._replace(faults={0: FAULTS[0], 2: FAULTS[1]})
    like = population_like(RECIPE, blobs, (1, 2), sweep)
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(*population_parts(population))
    found = restore(tmp_path, like)
    assert found.step == 4
    restored = as_population(found, like)
    assert digest(restored[:-1]) == digest(population[:-1])
    assert restored.faults == population.faults
    assert list(restored.history) == list(population.history)
    assert restored.epochs.tolist() == np.ones(4).tolist()
