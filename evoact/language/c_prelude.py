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

_CALLED: Final = "exp expm1 log log1p sinh cosh tanh erf atan asinh sin cos"

_FUNCTIONS: Final = """\
#define INLINE static inline __attribute__((always_inline))
#define fabs_ __builtin_fabsf
#define sqrt_ __builtin_sqrtf
#define ceil_ __builtin_ceilf
#define copysign_ __builtin_copysignf
#ifdef __FP_FAST_FMAF
#define fma_ __builtin_fmaf
#else
#define fma_(a, b, c) ((a) * (b) + (c))
#endif
/* By bits and without a branch, into which a compiler would move calls and lose the lanes. */
INLINE float select_(int condition, float a, float b) {
  union { float number; int bits; } u = {a}, v = {b};
  int mask = -condition;
  u.bits = (u.bits & mask) | (v.bits & ~mask);
  return u.number;
}
/* Of two numbers; if one is a NaN, NaN. */
INLINE float max_(float a, float b) { return select_((a > b) | (a != a), a, b); }
INLINE float min_(float a, float b) { return select_((a < b) | (a != a), a, b); }
INLINE float step_(float a) { return select_(a > 0.0f, 1.0f, select_(a <= 0.0f, 0.0f, a)); }
INLINE float sinc_(float a) {
  float b = 3.14159265f * a;
  return select_(a == 0.0f, 1.0f, sinf(b) / b);
}
/* By e^-|a|, which does not overflow, and is the same for a and for -a. */
INLINE float sigmoid_(float a) {
  float e = expf(-fabs_(a)), r = 1.0f / (1.0f + e);
  return select_(a > 0.0f, r, e * r);
}
INLINE float expm1_(float a) { return expm1f(a); }
INLINE float elu_(float a, float scale) {
  float e = scale * expm1_(min_(a, 0.0f));
  return select_(a > 0.0f, a, e);
}
"""

# A block is the same machine code wherever it stands, so that a value depends
# neither on its place nor on how many there are.
_DRIVER: Final = """\
/* What is around the blocks is compiled with little effort: that takes half of the time. */
#define AROUND static __attribute__((noinline, optimize("O1")))
typedef void blocks(const float *, const float *const *, long, float *, float *, long);

AROUND void tail(blocks *f, long count, const char *wide, const float *x,
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

/* Whether any parameter is per channel; if none is, rows are one long row. */
AROUND int per_channel(long count, const char *wide) {
  int any = 0;
  for (long j = 0; j < count; j++) any |= wide[j];
  return any;
}

AROUND void drive(blocks *f, long count, const char *wide, const float *x,
                  const float *const *p, long rows, long n, float *y, float *d, long stride) {
  const float *q[count + 1];
  if (!per_channel(count, wide)) n *= rows, rows = 1;
  long whole = n - n % LANES;
  for (long r = 0; r < rows; r++, x += n, y += n, d = d ? d + n : 0) {
    if (whole) f(x, p, whole / LANES, y, d, stride);
    if (whole == n) continue;
    for (long j = 0; j < count; j++) q[j] = p[j] + (wide[j] ? whole : 0);
    tail(f, count, wide, x + whole, q, n - whole, y + whole, d ? d + whole : 0, stride);
  }
}
"""

_PULL: Final = """\
typedef void pulls(const float *, const float *const *, const float *, long, float *,
                   double *const *);

/* The last elements, filled up with ones whose gradient is zero. */
AROUND void pull_tail(pulls *f, long count, const char *wide, const float *x, const float *const *p,
                      long n, const float *g, float *gx, double *const *gp) {
  float in[LANES], given[LANES], out[LANES], spread[(count + 1) * LANES];
  double sums[(count + 1) * LANES], *s[count + 1];
  const float *q[count + 1];
  for (long i = 0; i < LANES; i++) in[i] = x[i < n ? i : n - 1], given[i] = i < n ? g[i] : 0.0f;
  for (long j = 0; j < count; j++) {
    q[j] = spread + j * LANES, s[j] = sums + j * LANES;
    for (long i = 0; i < LANES; i++) {
      spread[j * LANES + i] = p[j][!wide[j] ? 0 : i < n ? i : n - 1];
      sums[j * LANES + i] = 0.0;
    }
  }
  f(in, q, given, 1, out, s);
  for (long i = 0; i < n; i++) gx[i] = out[i];
  for (long j = 0; j < count; j++)
    for (long i = 0; i < (wide[j] ? n : LANES); i++) gp[j][i] += s[j][i];
}

/* In pieces: sums of floats are short, and go on in doubles. */
AROUND void pull(pulls *f, long count, const char *wide, const float *x, const float *const *p,
                 long rows, long n, const float *g, float *gx, double *const *gp) {
  double *s[count + 1];
  const float *q[count + 1];
  if (!per_channel(count, wide)) n *= rows, rows = 1;
  for (long r = 0; r < rows; r++, x += n, g += n, gx += n)
    for (long at = 0, m; at < n; at += m) {
      m = n - at < LANES ? n - at : n - at < 128 * LANES ? (n - at) / LANES * LANES : 128 * LANES;
      for (long j = 0; j < count; j++) {
        q[j] = p[j] + (wide[j] ? at : 0);
        s[j] = gp[j] + (wide[j] ? at : 0);
      }
      if (m < LANES) pull_tail(f, count, wide, x + at, q, m, g + at, gx + at, s);
      else f(x + at, q, g + at, m / LANES, gx + at, s);
    }
}
"""


def c_prelude(text: str) -> str:
    """Return what must stand before functions whose text is given."""
    parts = [f"#define LANES {LANES}"]
    attributes = '__attribute__((simd("notinbranch"), const, nothrow, leaf))'
    parts += [f"{attributes} float {name}f(float);" for name in _CALLED.split()]
    parts += [f"{attributes} float powf(float, float);", _FUNCTIONS]
    parts += [_erfc()] * ("erfc_(" in text)
    parts += [_bessel(name) for name in ("bessel_i0e", "bessel_i1e") if f"{name}_(" in text]
    parts += [_DRIVER, *[_PULL] * ("_pull(" in text)]
    return "\n".join(parts)


@cache
def _erfc() -> str:
    """Return the C of erfc by e^-a^2, which its derivative has too, and a polynomial."""
    least = 1.0 / (1.0 + 0.5 * 10.5)  # beyond 10.5 it is zero

    def scaled(s: Any) -> Any:
        t = least + 0.5 * (1.0 - least) * (s + 1.0)
        return special.erfcx(2.0 / t - 2.0) / t

    series = chebyshev.cheb2poly(chebyshev.chebinterpolate(scaled, 8))
    slope, offset = 2.0 / (1.0 - least), -2.0 * least / (1.0 - least) - 1.0
    steps = "\n".join(f"  r = fma_(r, s, {_literal(c)});" for c in series[-2::-1])
    return f"""\
INLINE float erfc_(float a) {{
  float t = 1.0f / fma_(0.5f, fabs_(a), 1.0f), s = fma_(t, {_literal(slope)}, {_literal(offset)});
  float r = {_literal(series[-1])};
{steps}
  r = r * t * expf(-(a * a));
  return select_(a < 0.0f, 2.0f - r, r);
}}
"""


def _literal(value: Any) -> str:
    return f"{np.float32(value)!s}f"


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
  float b = fabs_(a), t = select_(b > 8.0f, 16.0f / b, 0.25f * b) - 1.0f, u = 2.0f * t;
  float c0 = 0.0f, c1 = 0.0f, c2;
{_clenshaw(small, "c")}
  float f0 = 0.0f, f1 = 0.0f, f2;
{_clenshaw(large, "f")}
  float far = (f0 - t * f1) / sqrt_(b), near = {size} * (c0 - t * c1);
  return select_(b > 8.0f, {"copysign_(far, a)" if odd else "far"}, near);
}}
"""


def _clenshaw(series: Any, name: str) -> str:
    """Return the C of a Chebyshev series in `t`, as `name0 - t * name1`; `u` is `2 t`."""
    a, b, c = f"{name}0", f"{name}1", f"{name}2"
    steps = (f"{a} = u * {b} - {c} + {_literal(value)};" for value in series[::-1])
    return "\n".join(f"  {c} = {b}; {b} = {a}; {step}" for step in steps)
