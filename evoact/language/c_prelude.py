"""What generated C stands on: functions of floats, and the loop over blocks of them.

No header is read: that would take longer than to compile a kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.polynomial import chebyshev
from scipy import special

LANES: Final = 16
"""Floats of a block: the widest vectors there are."""

_CALLED: Final = "exp log log1p sinh cosh tanh erf erfc atan asinh sin cos"

_FUNCTIONS: Final = """\
#define INLINE static inline __attribute__((always_inline))
#define fabs_ __builtin_fabsf
#define sqrt_ __builtin_sqrtf
#define ceil_ __builtin_ceilf
#define copysign_ __builtin_copysignf
/* Of two numbers; if one is a NaN, NaN. */
INLINE float max_(float a, float b) { return (a > b) | (a != a) ? a : b; }
INLINE float min_(float a, float b) { return (a < b) | (a != a) ? a : b; }
INLINE float step_(float a) { return a > 0.0f ? 1.0f : a <= 0.0f ? 0.0f : a; }
INLINE float sinc_(float a) {
  float b = 3.14159265f * a;
  return a == 0.0f ? 1.0f : sinf(b) / b;
}
/* By e^-|a|, which does not overflow, and is the same for a and for -a. */
INLINE float sigmoid_(float a) {
  float e = expf(-fabs_(a)), r = 1.0f / (1.0f + e);
  return a > 0.0f ? r : e * r;
}
INLINE float expm1_(float a) { return expm1f(a); }
INLINE float elu_(float a, float scale) {
  float e = scale * expm1_(min_(a, 0.0f));
  return a > 0.0f ? a : e;
}
"""

# A block is the same machine code wherever it stands, so that a value depends
# neither on its place nor on how many there are.
_DRIVER: Final = """\
typedef void blocks(const float *, const float *const *, long, float *, float *, long);

static void tail(blocks *f, long count, const char *wide, const float *x,
                 const float *const *p, long n, float *y, float *d, long stride) {
  float in[LANES] = {0}, out[LANES], slopes[(count + 1) * LANES], spread[(count + 1) * LANES];
  const float *q[count + 1];
  for (long i = 0; i < n; i++) in[i] = x[i];
  for (long j = 0; j < count; j++) {
    for (long i = 0; i < n; i++) spread[j * LANES + i] = p[j][wide[j] ? i : 0];
    for (long i = n; i < LANES; i++) spread[j * LANES + i] = 0.0f;
    q[j] = spread + j * LANES;
  }
  f(in, q, 1, out, d ? slopes : 0, LANES);
  for (long i = 0; i < n; i++) y[i] = out[i];
  for (long j = 0; d && j <= count; j++)
    for (long i = 0; i < n; i++) d[j * stride + i] = slopes[j * LANES + i];
}

static void drive(blocks *f, long count, const char *wide, const float *x,
                  const float *const *p, long rows, long n, float *y, float *d, long stride) {
  const float *q[count + 1];
  char any = 0;
  for (long j = 0; j < count; j++) any |= wide[j];
  if (!any) n *= rows, rows = 1;
  long whole = n - n % LANES;
  for (long r = 0; r < rows; r++, x += n, y += n, d = d ? d + n : 0) {
    if (whole) f(x, p, whole / LANES, y, d, stride);
    if (whole == n) continue;
    for (long j = 0; j < count; j++) q[j] = p[j] + (wide[j] ? whole : 0);
    tail(f, count, wide, x + whole, q, n - whole, y + whole, d ? d + whole : 0, stride);
  }
}
"""


def c_prelude(text: str) -> str:
    """Return what must stand before functions whose text is given."""
    parts = [f"#define LANES {LANES}"]
    attributes = '__attribute__((simd("notinbranch"), const, nothrow, leaf))'
    parts += [f"{attributes} float {name}f(float);" for name in [*_CALLED.split(), "expm1"]]
    parts += [f"{attributes} float powf(float, float);", _FUNCTIONS]
    parts += [_bessel(name) for name in ("bessel_i0e", "bessel_i1e") if f"{name}_(" in text]
    return "\n".join([*parts, _DRIVER])


@cache
def _bessel(name: str) -> str:
    """Return the C of a Bessel function: a series up to 8, another one beyond."""
    odd = name == "bessel_i1e"
    function: Callable[..., Any] = special.i1e if odd else special.i0e

    def near(a: Any) -> Any:
        return np.where(a == 0, 0.5, function(a) / np.where(a == 0, 1, a)) if odd else function(a)

    def far(u: Any) -> Any:  # u = 8 / a; the limit at infinity is 1 / sqrt(2 pi)
        a = 8.0 / np.maximum(u, 1e-9)
        return np.sqrt(a) * function(a)

    small = chebyshev.chebinterpolate(lambda t: near(4.0 * (t + 1.0)), 21)
    large = chebyshev.chebinterpolate(lambda t: far(0.5 * (t + 1.0)), 8)
    size = "a" if odd else "1.0f"
    return f"""\
INLINE float {name}_(float a) {{
  float b = fabs_(a), t = b > 8.0f ? 16.0f / b - 1.0f : 0.25f * b - 1.0f, u = 2.0f * t;
  float c0 = 0.0f, c1 = 0.0f, c2;
{_clenshaw(small, "c")}
  float f0 = 0.0f, f1 = 0.0f, f2;
{_clenshaw(large, "f")}
  float far = (f0 - t * f1) / sqrt_(b), near = {size} * (c0 - t * c1);
  return b > 8.0f ? {"copysign_(far, a)" if odd else "far"} : near;
}}
"""


def _clenshaw(series: Any, name: str) -> str:
    """Return the C of a Chebyshev series in `t`, as `name0 - t * name1`; `u` is `2 t`."""
    a, b, c = f"{name}0", f"{name}1", f"{name}2"
    steps = (f"{float(np.float32(value))!r}f" for value in series[::-1])
    return "\n".join(f"  {c} = {b}; {b} = {a}; {a} = u * {b} - {c} + {step};" for step in steps)
