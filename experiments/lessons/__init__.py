"""The lessons: short programs, each of which shows one thing, and measures whether it is so.

`python -m experiments.lessons` lists them. Start reading at `perceptron.py`; what all of them
share, flags, screen and files, is in `lesson.py`, and how they draw in `drawing.py`.
"""

NAMES = (  # in the order in which they build on each other
    "perceptron",
)
