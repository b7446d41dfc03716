"""Training one network."""

from jaxmlp.training.loop import TrainingFault, init_state, make_update, train, warm_up

__all__ = ["TrainingFault", "init_state", "make_update", "train", "warm_up"]
