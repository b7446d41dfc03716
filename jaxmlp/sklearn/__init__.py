"""Multilayer perceptrons as scikit-learn's estimators: the optional extra `jaxmlp[sklearn]`."""

try:
    from sklearn.utils.validation import validate_data  # noqa: F401  # as of 1.6
except ImportError as error:
    raise ImportError(
        "jaxmlp.sklearn needs scikit-learn 1.6 or newer: pip install 'jaxmlp[sklearn]'"
    ) from error

from jaxmlp.sklearn.estimators import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
