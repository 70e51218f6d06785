"""Functions across channels; some change how many there are.

Groups are of neighbouring channels: `k` of them make one group. In numpy the
channels are the last axis, in torch the dimension `dim`.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from scipy import special

from evoact.language.primitives.row import FR, K, Primitive, V

_KEPT: Final = Fraction(1)


def _groups(x: Any, k: Any) -> Any:
    return x.reshape(*x.shape[:-1], x.shape[-1] // int(k), int(k))


def _cut(values: Sequence[Any], k: float) -> list[Sequence[Any]]:
    """Cut sympy's channels into groups."""
    return [values[i : i + int(k)] for i in range(0, len(values), int(k))]


def _ascending(s: Any, values: Sequence[Any]) -> list[Any]:
    if len(values) == 2:
        return [s.Min(*values), s.Max(*values)]
    from evoact.language.symbolic import OrderStatistic  # loads sympy

    return [OrderStatistic(place + 1, *values) for place in range(len(values))]


def _partial(a: Any, fraction: Any, x: Any) -> Any:
    count = int(float(fraction) * x.shape[-1] + 0.5)
    return np.concatenate([a[..., :count], x[..., count:]], axis=-1)


def _symbolic_partial(_s: Any, a: Any, fraction: float, x: Any) -> Any:
    count = int(fraction * len(x) + 0.5)
    return [*a[:count], *x[count:]]


def _half(first: bool) -> Any:
    def half(x: Any) -> Any:
        middle = x.shape[-1] // 2
        return x[..., :middle] if first else x[..., middle:]

    return half


_COUNT: Final = "int({1} * x.shape[dim] + 0.5),"

GROUPWISE: Final[tuple[Primitive, ...]] = (
    Primitive("group_max", "largest of each group of k channels (maxout)", (V, K),
              lambda x, k: _groups(x, k).max(axis=-1),
              "{0:p}.unflatten(dim, (-1, {1})).amax(dim + 1)", 6.1, saves="0r",
              sympy=lambda s, a, k: [s.Max(*group) for group in _cut(a, k)],
              latex=r"\operatorname{{groupmax}}_{{{1}}}\left({0}\right)",
              widen=lambda k: Fraction(1, int(k)), keeps_uniform=True,
              jax="{0:p}.reshape(*{0:p}.shape[:-1], -1, {1}).max(-1)",
              keras="ops.max(ops.reshape({0}, (-1, *{0:p}.shape[1:-1], {0:p}.shape[-1] // "
                    "{1}, {1})), -1)"),
    Primitive("group_sort", "each group of k channels in ascending order", (V, K),
              lambda x, k: np.sort(_groups(x, k), axis=-1).reshape(x.shape),
              "{0:p}.unflatten(dim, (-1, {1})).sort(dim + 1).values.flatten(dim, dim + 1)", 12.0,
              saves="t", sympy=lambda s, a, k: [v for g in _cut(a, k) for v in _ascending(s, g)],
              latex=r"\operatorname{{groupsort}}_{{{1}}}\left({0}\right)",
              widen=lambda _k: _KEPT, keeps_uniform=True,
              jax="jnp.sort({0:p}.reshape(*{0:p}.shape[:-1], -1, {1}), -1).reshape({0:p}.shape)",
              keras="ops.reshape(ops.sort(ops.reshape({0}, (-1, *{0:p}.shape[1:-1], "
                    "{0:p}.shape[-1] // {1}, {1})), -1), (-1, *{0:p}.shape[1:]))"),
    Primitive("full_sort", "all channels in ascending order", (V,),
              lambda x: np.sort(x, axis=-1), "{0:p}.sort(dim).values", 25.0, saves="t",
              sympy=_ascending,
              latex=r"\operatorname{{sort}}\left({0}\right)",
              widen=lambda: _KEPT, keeps_uniform=True,
              jax="jnp.sort({0}, -1)", keras="ops.sort({0}, -1)"),
    Primitive("concat", "channels of a, then those of b", (V, V),
              lambda a, b: np.concatenate([a, b], axis=-1), "torch.cat(({0}, {1}), dim)", 1.4,
              saves="", flops=0, sympy=lambda _s, a, b: [*a, *b],
              latex=r"\left[{0}, {1}\right]",
              widen=lambda: Fraction(2),
              jax="jnp.concatenate(({0}, {1}), -1)", keras="ops.concatenate(({0}, {1}), -1)"),
    Primitive("left", "first half of the channels", (V,), _half(first=True),
              "{0:p}.chunk(2, dim)[0]", 0.5, saves="", flops=0,
              sympy=lambda _s, a: a[: len(a) // 2],
              latex=r"\operatorname{{left}}\left({0}\right)",
              widen=lambda: Fraction(1, 2),
              keeps_uniform=True,
              jax="{0:p}[..., : {0:p}.shape[-1] // 2]", keras="{0:p}[..., : {0:p}.shape[-1] // 2]"),
    Primitive("right", "second half of the channels", (V,), _half(first=False),
              "{0:p}.chunk(2, dim)[1]", 0.5, saves="", flops=0,
              sympy=lambda _s, a: a[len(a) // 2 :],
              latex=r"\operatorname{{right}}\left({0}\right)",
              widen=lambda: Fraction(1, 2),
              keeps_uniform=True,
              jax="{0:p}[..., {0:p}.shape[-1] // 2 :]", keras="{0:p}[..., {0:p}.shape[-1] // 2 :]"),
    Primitive("partial", "a on the first fraction of the channels, x on the rest", (V, FR),
              _partial,
              "torch.cat(({0:p}.tensor_split((" + _COUNT + "), dim)[0], "
              "x.tensor_split((" + _COUNT + "), dim)[1]), dim)", 2.5,
              saves="", flops=0, sympy=_symbolic_partial,
              latex=r"\operatorname{{partial}}_{{{1}}}\left({0}\right)",
              widen=lambda _fraction: _KEPT, adds_x=True,
              jax="jnp.concatenate(({0:p}[..., : int({1} * x.shape[-1] + 0.5)], x[..., "
                  "int({1} * x.shape[-1] + 0.5) :]), -1)",
              keras="ops.concatenate(({0:p}[..., : int({1} * x.shape[-1] + 0.5)], x[..., "
                    "int({1} * x.shape[-1] + 0.5) :]), -1)"),
    Primitive("softmax", "e^x / sum of e^x over the channels", (V,),
              lambda x: special.softmax(x, axis=-1), "torch.softmax({0}, dim)", 1.9, saves="r",
              flops=4, sympy=lambda s, a: [s.exp(v) / s.Add(*map(s.exp, a)) for v in a],
              latex=r"\operatorname{{softmax}}\left({0}\right)",
              widen=lambda: _KEPT,
              jax="jax.nn.softmax({0}, -1)", keras="ops.softmax({0}, -1)"),
    Primitive("log_softmax", "ln(softmax(x))", (V,),
              lambda x: special.log_softmax(x, axis=-1), "torch.log_softmax({0}, dim)", 2.7,
              saves="r", flops=4, sympy=lambda s, a: [v - s.log(s.Add(*map(s.exp, a))) for v in a],
              latex=r"\ln\left(\operatorname{{softmax}}\left({0}\right)\right)",
              widen=lambda: _KEPT,
              jax="jax.nn.log_softmax({0}, -1)", keras="ops.log_softmax({0}, -1)"),
)  # fmt: skip
