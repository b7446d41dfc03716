"""Where Sphinx is not installed, what extends it has no examples to run."""

import importlib.util

collect_ignore = [] if importlib.util.find_spec("sphinx") else ["extensions"]
