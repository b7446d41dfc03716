import jax
import numpy as np
import optax
import pytest

from jaxmlp import Progress, Recipe, classification, digest, mlp, train
from jaxmlp.training.resuming import without_a_late_look

ADAM = Recipe(mlp((4, 8, 3)), classification(3), optax.adam, {"learning_rate": 0.05}, 16, 3)


@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_training_that_is_made_longer_is_one_that_was_as_long_from_the_start(every, blobs):
    kept = []
    train(ADAM, blobs, 0, eval_every=every, callback=kept.append)
    start = Progress(*jax.tree.map(np.asarray, kept[-1][:2]), kept[-1].history)
    longer = ADAM._replace(num_epochs=5)
    run = train(longer, blobs, 0, eval_every=every, start=start)
    whole = train(longer, blobs, 0, eval_every=every)
    assert digest(run.history) == digest(whole.history)
    assert digest(run.state) == digest(whole.state)
    assert np.isfinite(kept[-1].history[-1]["test_loss"])  # as it was given


def test_a_look_that_was_due_stays():
    lines = tuple({"train_loss": float(n), "test_loss": float(n)} for n in range(4))
    progress = Progress(None, {}, lines)
    for every, epochs in ((2, 8), (3, 4), (5, 4)):
        assert without_a_late_look(progress, every, epochs) == progress
    assert without_a_late_look(Progress(None, {}, ()), 3, 8).history == ()
    blank = without_a_late_look(progress, 3, 8).history
    assert blank[:3] == lines[:3]
    assert blank[3]["train_loss"] == 3
    assert np.isnan(blank[3]["test_loss"])


def test_another_networks_progress_is_refused_with_the_array_named(blobs):
    cut = []
    train(ADAM, blobs, seed=0, on_block=cut.append, callback=lambda progress: True)
    wider = ADAM._replace(model=mlp((4, 9, 3)))
    message = r"^start needs float32 \(9,\) at state/.*/0/bias, got float32 \(8,\)$"
    with pytest.raises(ValueError, match=message):
        train(wider, blobs, seed=0, start=cut[-1])
    sgd = ADAM._replace(optimizer=optax.sgd)
    with pytest.raises(ValueError, match="nothing at state/opt_state/0/count, got int32"):
        train(sgd, blobs, seed=0, start=cut[-1])


def test_progress_of_other_batches_is_refused(blobs):
    cut = []
    train(ADAM, blobs, seed=0, on_block=cut.append, callback=lambda progress: True)
    larger = ADAM._replace(batch_size=25)
    with pytest.raises(ValueError, match="^start needs a step from 0 to 2 after 0 epochs of 2"):
        train(larger, blobs, seed=0, start=cut[-1])
