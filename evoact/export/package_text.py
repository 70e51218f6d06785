"""The files of an exported package; `@word@` is filled in."""

from __future__ import annotations

from typing import Final

PYPROJECT: Final = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "@name@"
version = "0.1.0"
description = "An activation function for torch."
readme = "README.md"
requires-python = ">=3.9"
dependencies = ["torch>=2.0"]

[tool.setuptools]
packages = ["@name@"]

[tool.setuptools.package-data]
@name@ = ["py.typed"]
"""

README: Final = """\
# @name@

The activation function

    @expression@

as a torch module. `@name@/activation.py` says what it is and where it comes from.

```python
from @name@ import @class_name@

activation = @made@
```

The tests compare it with values that were computed in float64: `python -m unittest discover tests`.
"""

INIT: Final = '''\
"""An activation function for torch: `@class_name@`."""

from @name@.activation import @class_name@@trained@

__all__ = @all@
'''

TESTS: Final = '''\
"""The module against values of numpy in float64, within what rounding in each type can do."""

import math  # noqa: F401
import unittest

import torch

from @name@ import @class_name@

# A module, the type of its input, inputs, values, and how far a result may be from each.
CASES = [
@cases@
]


class TestActivation(unittest.TestCase):
    def test_values(self):
        for make, dtype, x, wanted, allowed in CASES:
            with self.subTest(dtype=dtype), torch.no_grad():
                y = make()(torch.tensor(x, dtype=dtype))
                self.assertEqual(y.dtype, dtype)
                wanted, allowed = (torch.tensor(v, dtype=torch.float64) for v in (wanted, allowed))
                self.assertEqual(y.shape, wanted.shape)
                near = ((y.double() - wanted).abs() <= allowed) | allowed.isinf()
                self.assertTrue(near.all(), f"{y} where numpy gives {wanted}")

    def test_it_trains(self):
        for make, dtype, x, *_ in CASES:
            if dtype is torch.float32:
                module, leaf = make(), torch.tensor(x, requires_grad=True)
                y = module(leaf)
                if y.requires_grad:
                    y.square().sum().backward()
                    self.assertTrue(all(p.grad is not None for p in module.parameters()))

    def test_it_is_saved_and_loaded(self):
        make, _, x, *_ = CASES[0]
        module, other = make(), make()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.5)
        other.load_state_dict(module.state_dict())
        x = torch.tensor(x)
        torch.testing.assert_close(other(x), module(x), rtol=0.0, atol=0.0, equal_nan=True)


if __name__ == "__main__":
    unittest.main()
'''
