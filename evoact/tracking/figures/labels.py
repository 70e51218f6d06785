"""What stands at axes: the names of measures with their units."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

_LAST: Final = chr(0x250)  # Latin letters come before it
_LOOSE: Final = " .*/+-("  # what a cut text should not end with
_NUMBER: Final = "0123456789."
_DECIMAL: Final = re.compile(r"\d+\.\d+(?:e[-+]?\d+)?")
_LABELS: Final = MappingProxyType(
    {
        "val_accuracy": "validation accuracy (%)",
        "val_noisy_accuracy": "accuracy under noise (%)",
        "val_shifted_accuracy": "accuracy on shifted samples (%)",
        "val_loss": "validation loss (nats)",
        "zero_fraction": "share of outputs that are 0, trained",
        "effective_rank": "effective rank of the last features",
        "jacobian_condition": "condition of the Jacobian",
        "latency": "time, forward and backward (relu = 1)",
        "cost": "static cost (relu = 1)",
        "nodes": "size (nodes)",
        "lipschitz": "Lipschitz constant",
        "smoothness": "smoothness (linear = 1)",
        "sparsity": "share of outputs that are 0",
        "pieces": "linear pieces",
    }
)


def label_of(name: str) -> str:
    """Return how an axis is labelled.

    >>> label_of("val_accuracy"), label_of("digits-mlp.val_loss")
    ('validation accuracy (%)', 'digits-mlp: validation loss (nats)')
    """
    task, dot, measure = name.rpartition(".")
    label = _LABELS.get(measure, measure.replace("_", " "))
    return f"{task}: {label}" if dot else label


def factor_of(name: str) -> float:
    """Return by what values are multiplied: accuracies are shown in percent."""
    return 100.0 if name.endswith("accuracy") else 1.0


def value_text(name: str, value: float) -> str:
    """Return a value as it stands in a figure.

    >>> value_text("val_accuracy", 0.7), value_text("cost", 3.456)
    ('70.0 %', '3.46')
    """
    return f"{100.0 * value:.1f} %" if name.endswith("accuracy") else f"{value:.3g}"


def formula_text(text: str, most: int) -> str:
    """Return an expression as it stands below a small picture: with numbers of three digits.

    >>> formula_text("1.58024 * x * signed_sqrt(abs(x))", 22)
    '1.58*x*signed_sqrt...'
    """
    brief = _DECIMAL.sub(lambda number: f"{float(number[0]):.3g}", text)
    return shortened(brief.replace(" * ", "*").replace(" / ", "/"), most)


def shortened(text: str, most: int) -> str:
    r"""Return a text of at most so many characters, of those that the font of figures has.

    >>> shortened("0.57735 * x * (1.5 + abs(x))", 19), shortened("a\nb", 9)
    ('0.57735 * x...', 'a?b')
    >>> shortened("max(x, 1.2345 * x)", 13)
    'max(x,...'
    """
    known = "".join(c if c.isprintable() and c < _LAST else "?" for c in text[: most + 1])
    if len(known) <= most:
        return known
    cut, following = known[: most - 3], known[most - 3]
    if following in _NUMBER:  # half a number is another one
        cut = cut.rstrip(_NUMBER)
    return f"{cut.rstrip(_LOOSE)}..."
