"""What generated C stands on: functions of floats, and the loop over blocks of them.

No header is read: that would take longer than to compile a kernel.
"""

from __future__ import annotations

from typing import Final

from evoact.language.lane_functions import LaneFunction, lane_functions

LANES: Final = 16
"""Floats of a block: the widest vectors there are."""

_CALLED: Final = "expm1 log log1p sinh cosh tanh erf atan asinh sin cos"

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
/* e^a: 2^n times a series in what is left, |r| <= ln(2) / 2. Without a call, and so
   without saving all registers, it takes half of the time of the library's.
   2^n is of two factors: results may be infinite, zero or denormal. */
INLINE float exp_(float a) {
  float b = select_(a > 89.0f, 89.0f, select_(a < -104.0f, -104.0f, a));
  float n = fma_(b, 1.44269504f, 12582912.0f) - 12582912.0f;
  float r = fma_(n, -1.42860677e-6f, fma_(n, -0.693145752f, b)), s = 1.3919314e-3f;
  union { int bits; float number; } u, v;
  s = fma_(s, r, 8.35768e-3f);
  s = fma_(s, r, 4.166662e-2f);
  s = fma_(s, r, 1.666663e-1f);
  s = fma_(s, r, 0.5f);
  s = fma_(s, r, 1.0f);
  s = fma_(s, r, 1.0f);
  int whole = (int)n, half = whole >> 1;
  u.bits = (half + 127) << 23;
  v.bits = (whole - half + 127) << 23;
  return s * u.number * v.number;
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
    parts += map(_written, lane_functions(text))
    parts += [_DRIVER, *[_PULL] * ("_pull(" in text)]
    return "\n".join(parts)


def _written(function: LaneFunction) -> str:
    """Return a function in C."""
    arguments = ", ".join(f"float {name}" for name in function.arguments)
    lines, known = [f"INLINE float {function.name}({arguments}) {{"], set()
    for name, text in function.steps:
        lines.append(f"  {'' if name in known else 'float '}{name} = {text};")
        known.add(name)
    return "\n".join([*lines, f"  return {function.result};", "}"])
