"""The lessons: short programs, each of which shows one thing, and measures whether it is so.

`python -m experiments.lessons` lists them. Start reading at `perceptron.py`; what all of them
share, flags, screen and files, is in `lesson.py`, and how they draw in `drawing.py`.
"""

NAMES = (  # in the order in which they build on each other
    "perceptron",
    "activations",
    "depth",
    "vanishing",
    "softmax",
    "losses",
    "descent",
    "backpropagation",
    "initialization",
    "optimizers",
    "batching",
    "regression",
    "approximation",
    "regularization",
    "cifar10",
    "models",
)
UNMEASURED = ("cifar10",)  # their data are not to be had where the book is made

RESULTS, PICTURE = "results.json", "picture.png"  # what each leaves
CLAIM_FAILED = 4  # exit code
NO_DATA = 5  # exit code where the data are neither here nor to be downloaded
