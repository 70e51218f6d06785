"""The zoo against torch-activation, written independently from the literature.

Where the two disagree, the paper decides; `DISAGREEMENTS` says how.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from evoact.language import named
from evoact.nn import Activation

pytestmark = pytest.mark.slow

CHANNELS = 12
# Without 0 and the integers: thresholds may differ in the point itself.
GRID = torch.linspace(-10.0, 10.0, 2000, dtype=torch.float64)

Row = tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], tuple[float, ...]]

# Our name: their class, its arguments, and values for our parameters if not the initial ones.
EQUAL: dict[str, Row] = {
    # Rectified
    "relu": ("classical.relu.ReLU", {}),
    "brelu": ("classical.relu.BReLU", {"a": 1.0}),
    "leaky_relu": ("classical.relu.LReLU", {"a": 100.0}),
    "very_leaky_relu": ("classical.relu.VLReLU", {"alpha": 1 / 3}),
    "shifted_relu": ("adaptive.relu.MarReLU", {"a": -1.0}),
    "displaced_relu": ("classical.relu.DisReLU", {"a": 0.05}),
    "thresholded_relu": ("classical.relu.TRec", {"a": 1.0}),
    "hardtanh": ("classical.relu.HardTanh", {}),
    "hard_sigmoid_half": ("classical.relu.HardSigmoid", {"version": 1}),
    "hard_sigmoid_fifth": ("classical.relu.HardSigmoid", {"version": 2}),
    "hardshrink": ("classical.relu.Hardshrink", {}),
    "softshrink": ("classical.relu.Softshrink", {}),
    "abs": ("classical.relu.VReLU", {}),
    "pan": ("classical.relu.PanFunction", {}),
    "abslu": ("classical.relu.AbsLU", {}),
    "triangular": ("classical.relu.mReLU", {}),
    "hat": ("adaptive.relu.Hat", {}),
    "lsptlu": ("classical.relu.LSPTLU", {}),
    "bounded_leaky_relu": ("classical.relu.BLReLU", {"a": 0.01}),
    "bfire": ("classical.piecewise.BiFiring", {}),
    "bbfire": ("classical.piecewise.BoundedBiFiring", {}),
    "plu": ("classical.learnable.PLU", {}),
    "hardswish": ("classical.relu.HardSwish", {}),
    "squared_relu": ("classical.squared.SquaredReLU", {}),
    "hard_mish": ("classical.squared.SqREU", {}),
    # Exponential
    "elu": ("classical.relu.SurveyELU", {}),
    "selu": ("classical.maxsig.ScaledExponentialLinearUnit", {}),
    "celu": ("adaptive.relu.CELU", {"a": 2.0}, (2.0,)),
    "pelu": ("adaptive.relu.PELU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "mpelu": ("adaptive.relu.MPELU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "felu": ("adaptive.relu.FELU", {"a": 0.5}, (0.5,)),
    "pfelu": ("adaptive.relu.PFELU", {"a": 0.5, "b": 0.25}, (0.5, 0.25)),
    "shelu": ("adaptive.relu.ShELU", {"b": 0.5}, (0.5,)),
    "svelu": ("adaptive.relu.SvELU", {"b": 0.5}, (0.5,)),
    "pshelu": ("adaptive.relu.PShELU", {"a": 0.5, "b": 2.0, "c": 0.25}, (0.5, 2.0, 0.25)),
    "psvelu": ("adaptive.relu.PSvELU", {"a": 0.5, "b": 2.0, "c": 0.25}, (0.5, 2.0, 0.25)),
    "pdelu": ("adaptive.relu.PDELU", {}),
    "serlu": (
        "classical.maxsig.ScaledExponentiallyRegularizedLinearUnit",
        {"a": 1.07862, "b": 2.90427},
    ),
    "reu": ("classical.relu.REU", {}),
    "preu": ("adaptive.relu.PREU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "pselu": ("adaptive.relu.PSELU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "rsigelu": ("classical.maxsig.RSigELU", {"a": 0.5}),
    "elish": ("classical.maxsig.ExponentialLinearSigmoidSquashing", {}),
    "pe2relu": ("adaptive.relu.PE2ReLU", {}),
    "pe2id": ("adaptive.relu.PE2Id", {}),
    "soft_exponential": ("adaptive.relu.SoftExponential", {"a": 0.1}),
    "symexp": ("classical.exp.Symexp", {}),
    "maxtanh": ("classical.relu.SigLU", {}),
    "maxsig": ("classical.maxsig.Maxsig", {}),
    "ptelu": ("adaptive.relu.PTELU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "erfrelu": ("adaptive.relu.ErfReLU", {"a": 0.5}, (0.5,)),
    "talu": ("adaptive.relu.TaLU", {"a": -0.75}),
    "slu": ("classical.relu.SLU", {}),
    # Smooth
    "softplus": ("classical.softplus.Softplus", {}),
    "parametric_softplus": (
        "classical.softplus.ParametricSoftplus",
        {"a": 1.5, "b": 0.6931471805599453},
    ),
    "sharp_softplus": ("classical.learnable.pSoftplus", {"beta": 2.0}, (2.0,)),
    "soft_plus_plus": ("classical.softplus.SoftPlusPlus", {}),
    "resp": ("classical.relu.ReSP", {}),
    "squareplus": ("adaptive.msrf.SquarePlus", {"epsilon": 4.0}),
    "sqsoftplus": ("classical.squared.SqSoftplus", {}),
    "smu": ("adaptive.relu.SMU", {}),
    "sau": ("adaptive.relu.SAU", {"a": 0.15}),
    "soft_modulus_q": ("classical.relu.SoftModulusQ", {}),
    "soft_modulus_t": ("classical.relu.SoftModulusT", {}),
    "prenu": ("classical.relu.PReNU", {}),
    "nlrelu": ("classical.relu.NLReLU", {}),
    "sine_relu": ("classical.relu.SineReLU", {"a": 0.0025}),
    "isrlu": ("classical.squared.ISRLU", {}),
    "sqlu": ("classical.squared.SQLU", {}),
    "squish": ("classical.squared.Squish", {}),
    "signrelu": ("classical.relu.SignReLU", {}),
    "fpflu": ("classical.maxsig.FasterPowerFunctionLinearUnit", {}),
    # Gated
    "silu": ("classical.sigmoid_weighted.SiLU", {}),
    "gelu": ("classical.sigmoid_weighted.GELU", {}),
    "gelu_tanh": ("classical.sigmoid_weighted.SiELU", {}),
    "mish": ("classical.sigmoid_weighted.Mish", {}),
    "e_swish": ("adaptive.sigmoid_weighted.ESwish", {"a": 1.5}),
    "serf": ("classical.sigmoid_weighted.Serf", {}),
    "tanhexp": ("classical.sigmoid_weighted.TanhExp", {}),
    "tanhsoft1": ("adaptive.sigmoid.TanhSoft1", {"a": 0.87}),
    "tanhsoft2": ("adaptive.sigmoid.TanhSoft2", {"b": 0.6, "c": 1.0}),
    "tanhsoft3": ("adaptive.sigmoid.TanhSoft3", {"a": 0.98}),
    "logish": ("classical.sigmoid_weighted.Logish", {}),
    "plogish": ("classical.sigmoid_weighted.pLogish", {}),
    "smish": ("classical.sigmoid_weighted.Smish", {}),
    "phish": ("classical.sigmoid_weighted.Phish", {}),
    "gish": ("classical.sigmoid_weighted.Gish", {}),
    "loglogish": ("classical.sigmoid_weighted.LogLogish", {}),
    "golu": ("classical.sigmoid_weighted.ExpExpish", {}),
    "lisht": ("classical.sigmoid_weighted.LiSHT", {}),
    "self_arctan": ("classical.sigmoid_weighted.SelfArctan", {}),
    "rehsec": ("classical.sigmoid_weighted.ReHSec", {}),
    "calu": ("classical.sigmoid_weighted.CaLU", {}),
    "lalu": ("classical.sigmoid_weighted.LaLU", {}),
    "pflu": ("classical.maxsig.PowerFunctionLinearUnit", {}),
    "swim": ("adaptive.sigmoid_weighted.Swim", {"a": 0.5}),
    "symmetric_gelu": ("classical.sigmoid_weighted.SGELU", {}),
    "eanaf": ("classical.sigmoid_weighted.EANAF", {}),
    "sinsig": ("classical.sigmoid_weighted.SinSig", {}),
    "colu": ("classical.sigmoid_weighted.CoLU", {}),
    "suish": ("classical.sigmoid_weighted.Suish", {}),
    "tsrelu": ("classical.sigmoid_weighted.TSReLU", {}),
    "tbsrelu": ("classical.sigmoid_weighted.TBSReLU", {}),
    "sechsig": ("classical.sigmoid.SechSig", {}),
    "tanhsig": ("classical.sigmoid.TanhSig", {}),
    "dsilu": ("classical.sigmoid_weighted.dSiLU", {}),
    "double_silu": ("classical.sigmoid_weighted.DoubleSiLU", {}),
    "tsilu": ("classical.sigmoid_weighted.TSiLU", {}),
    "asilu": ("classical.sigmoid_weighted.ASiLU", {}),
    "swat": ("classical.sigmoid_weighted.SwAT", {}),
    "oaf": ("classical.relu.OAF", {}),
    "nipuna": ("classical.relu.SaRa", {"a": 1.0, "b": 1.0}),
    "sara": ("classical.relu.SaRa", {"a": 0.5, "b": 0.7}),
    "pats": ("adaptive.sigmoid_weighted.PATS", {"a": 0.625}),
    "aria2": ("classical.learnable.ARiA", {"beta": 2.0, "nu": 1 / 1.5}),
    "puaf": ("classical.other.PUAF", {}),
    "hclsh": ("classical.trig.HcLSH", {}),
    # Gated, learned
    "swish": ("adaptive.sigmoid_weighted.Swish", {"a": 0.5}, (0.5,)),
    "acon_b": ("adaptive.sigmoid_weighted.ACONB", {"a": 2.0, "b": 0.5}, (0.5, 2.0)),
    "acon_c": (
        "adaptive.sigmoid_weighted.ACONC",
        {"a": 2.0, "b": 0.25, "c": 1.5},
        (1.5, 0.25, 2.0),
    ),
    "ahaf": ("adaptive.sigmoid_weighted.AHAF", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "tswish": ("adaptive.relu.TSwish", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "pssilu": ("adaptive.sigmoid_weighted.PSSiLU", {"a": 2.0, "b": 0.25}, (2.0, 0.25)),
    "parametric_gelu": (
        "adaptive.sigmoid_weighted.PGELU",
        {"input_shape": 1, "a": 2.0, "learnable": False},
        (2.0,),
    ),
    "lau": ("adaptive.laaf.LAU", {"a_init": 0.5, "b_init": 2.0}, (0.5, 2.0)),
    "erfact": ("adaptive.sigmoid_weighted.ErfAct", {"a": 0.75, "b": 0.75}),
    "pserf": ("adaptive.sigmoid_weighted.PSerf", {"a": 1.25, "b": 0.85}),
    "psgu": ("adaptive.sigmoid_weighted.PSGU", {"a": 1.0}),
    "tbsrelu_learned": ("adaptive.sigmoid_weighted.TBSReLUl", {}),
    "parametric_hardswish": ("adaptive.melu.HardSwish", {"b_init": 2.0}, (2.0,)),
    "aqulu": ("adaptive.sigmoid_weighted.AQuLU", {}),
    "sinlu": ("classical.sigmoid_weighted.SinLU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "coslu": ("adaptive.laaf.CosLU", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "delu": ("adaptive.relu.DELU", {"a": 1.0}),
    "pfts": ("adaptive.sigmoid_weighted.PFTS", {"input_shape": 1, "learnable": False}),
    "flatten_t_swish": ("adaptive.sigmoid_weighted.PFTS", {"input_shape": 1, "learnable": False}),
    "pstanh": ("adaptive.laaf.PSTanh", {"a_init": 0.5, "b_init": 2.0}, (0.5, 2.0)),
    "eapcu": (
        "classical.maxsig.ElasticAdaptivelyParametricCompoundedUnit",
        {"a": 0.5, "b": 2.0},
        (2.0, 0.5),
    ),
    # Sigmoidal
    "sigmoid": ("classical.sigmoid.Sigmoid", {}),
    "log_sigmoid": ("classical.sigmoid_weighted.LogSigmoid", {}),
    "tanh": ("classical.sigmoid.Tanh", {}),
    "lecun_tanh": ("classical.sigmoid.STanh", {}),
    "penalized_tanh": ("classical.sigmoid.PTanh", {"a": 4.0}),
    "atan": ("classical.sigmoid.Arctan", {}),
    "softsign": ("classical.sigmoid.Softsign", {}),
    "elliott": ("classical.sigmoid.Elliott", {}),
    "isru": ("classical.squared.ISRU", {}),
    "rootsig": ("classical.sigmoid.Rootsig", {}),
    "sqnl": ("classical.squared.SQNL", {}),
    "log_sqnl": ("classical.squared.LogSQNL", {}),
    "soft_clipping": ("classical.sigmoid.SC", {}),
    "smooth_step": ("classical.sigmoid.SmoothStep", {}),
    "improved_logistic": ("classical.sigmoid.ImprovedLogisticSigmoid", {}),
    "siglin": ("classical.sigmoid.SigLin", {}),
    "triple_state_sigmoid": ("classical.sigmoid.TripleStateSigmoid", {}),
    "algebraic_logistic": ("classical.sigmoid.SigmoidAlgebraic", {}),
    "sinc_sigmoid": ("classical.sigmoid.SincSigmoid", {}),
    "sigmoid_gumbel": ("classical.sigmoid.SigmoidGumbel", {}),
    "new_sigmoid": ("classical.sigmoid.NewSigmoid", {}),
    "root2_sigmoid": ("classical.sigmoid.Root2sigmoid", {}),
    "loglog": ("classical.sigmoid.LogLog", {}),
    "aranda_ordaz": ("classical.other.ArandaOrdaz", {}),
    "signed_root": ("classical.sqrt.SQRT", {}),
    "m_arcsinh": ("classical.trig.ModifiedArcsinh", {}),
    "hyper_sinh": ("classical.trig.HyperSinh", {}),
    "comb_h_sine": ("classical.trig.CombHSine", {}),
    "mishra": ("classical.other.Mishra", {}),
    "bent_identity": ("classical.other.BentIdentity", {}),
    "soft_root_sign": ("classical.sigmoid.SRS", {}),
    # Algebraic
    "cube": ("classical.polynomial.Triple", {}),
    "squ": ("classical.polynomial.SQU", {}),
    "ncu": ("classical.polynomial.NCU", {}),
    "slaf": ("adaptive.abu.SLAF", {"k": 6}, (0.1,) * 6),
    "chebyshev": ("adaptive.abu.ChPAF", {"k": 3}, (0.1,) * 4),
    "legendre": ("adaptive.abu.LPAF", {"k": 3}, (0.1,) * 4),
    "star_relu": ("adaptive.relu.StarReLU", {"s": 0.5, "b": 0.25}, (0.5, 0.25)),
    "scaled_softsign": ("classical.learnable.ScaledSoftsign", {"alpha": 2.0}, (2.0, 1.0)),
    # Piecewise
    "prelu": ("adaptive.relu.PReLU", {"a": 4.0}),
    "dprelu": ("adaptive.relu.DPReLU", {}),
    "dual_line": ("adaptive.relu.DualLine", {}),
    "pilu": ("adaptive.relu.PiLU", {"a": 0.5, "b": 0.25, "c": 2.0}, (0.5, 2.0, 0.25)),
    "lelelu": ("adaptive.relu.LeLeLU", {"a": 0.5, "negative_slope": 0.1}, (0.5,)),
    "shilu": ("adaptive.relu.ShiLU", {"alpha": 0.5, "beta": 0.25}, (0.5, 0.25)),
    "relun": ("classical.relu.ReLUN", {"n": 2.0}, (2.0,)),
    "flexible_relu": ("adaptive.relu.FReLU", {"b": 0.5}, (0.5,)),
    "tlu": ("adaptive.relu.DReLU", {"a": 0.5}, (0.5,)),
    "arelu": ("adaptive.relu.AReLU", {}),
    "rprelu": (
        "adaptive.relu.RPReLU",
        {"a": 0.5, "b": 0.75, "c": 0.25},
        (0.5, 0.25, 0.75),
    ),
    "srelu": (
        "adaptive.s_shaped.SReLU",
        {"init_tr": 1.0, "init_tl": -1.0, "init_ar": 0.5, "init_al": 0.25},
        (-1.0, 1.0, 0.5, 0.25),
    ),
    "alisa": ("adaptive.s_shaped.ALiSA", {"init_ar": 0.5}, (0.5, 0.1)),
    "adaptive_hardtanh": ("adaptive.relu.AdaptiveHardTanh", {"a": 0.5, "b": 0.25}, (0.5, 0.25)),
    "apl": ("classical.learnable.APLU", {}),
    "mmelu": ("adaptive.melu.MMeLU", {}),
    # Adaptive
    "adaptive_tanh": ("adaptive.laaf.AdaptiveSlopeTanh", {"a_init": 2.0}, (2.0,)),
    "adaptive_sigmoid": ("adaptive.sigmoid.ASSF", {"a": 2.0}, (2.0,)),
    "generalized_tanh": (
        "adaptive.sigmoid.GeneralizedHyperbolicTangent",
        {"a": 0.5, "b": 2.0},
        (0.5, 2.0),
    ),
    "autotuned_sigmoid": ("adaptive.sigmoid.AdaptiveSigmoid", {"a": 2.0}, (2.0,)),
    "psigmoid": ("adaptive.sigmoid.PSigmoid", {"a": 0.5, "b": 2.0}, (0.5, 2.0)),
    "psf": ("adaptive.sigmoid.PSF", {"m": 1.5}, (1.5,)),
    "adaptive_gumbel": ("adaptive.laaf.AGumb", {}),
    "tanhlu": (
        "adaptive.relu.TanhLU",
        {"a": 0.5, "b": 2.0, "c": 0.25},
        (0.5, 2.0, 0.25),
    ),
    "reltanh": ("adaptive.relu.ReLTanh", {"b": 0.5}, (-1.5, 0.5)),
    "stac_tanh": ("adaptive.sigmoid.STACTanh", {"a": 0.5, "b": 0.25}, (0.5, 0.25)),
    "ssinh": ("adaptive.laaf.SSinH", {"a_init": 0.5, "b_init": 0.5}, (0.5, 0.5)),
    "sexp": ("adaptive.laaf.SExp", {"a_init": 0.5, "b_init": 0.5}, (0.5, 0.5)),
    "gln": ("adaptive.sigmoid_weighted.GLN", {"input_shape": 1, "learnable": False}),
    "uaf": (
        "adaptive.sigmoid_weighted.UAF",
        {"input_shape": 1, "learnable": False, "a": 1.0, "b": 0.5, "c": 0.25, "d": -1.0, "e": 2.0},
        (1.0, 0.5, 0.25, -1.0, 2.0),
    ),
    "abu": ("adaptive.abu.ABU", {}),
    "adaptive_rbf": (
        "adaptive.sigmoid_weighted.ARBF",
        {"input_shape": 1, "learnable": False, "a": 0.5, "b": 2.0},
        (0.5, 2.0),
    ),
    # Periodic
    "sine": ("classical.trig.Sine", {"omega": 1.0}),
    "one_minus_cos": ("classical.trig.Cosine", {}),
    "sinp": ("classical.trig.Sinp", {}),
    "cosid": ("classical.trig.Cosid", {}),
    "minsin": ("classical.relu.Minsin", {}),
    "arctid": ("classical.trig.Arctid", {}),
    "gcu": ("classical.trig.GCU", {}),
    "asu": ("classical.trig.ASU", {}),
    "sinc": ("classical.trig.Sinc", {}),
    "expcos": ("classical.learnable.Expcos", {}),
    "sigmoid_cos": ("classical.learnable.CSS", {}),
    "sincos": ("classical.learnable.Sincos", {}),
    "vlu": ("classical.relu.VLU", {}),
    "pvlu": ("adaptive.relu.PVLU", {}),
    "rowdy": ("adaptive.abu.RowdyActivation", {"n_terms": 3}, (0.1, 0.1, 0.1)),
    "fourier_series": ("adaptive.abu.FSA", {"rank": 3}),
    # Radial and thresholds
    "multiquadric": ("adaptive.msrf.MollifiedAbsoluteValue", {"epsilon": 1.0}),
    "multiquadric_rbf": (
        "adaptive.sigmoid_weighted.MAF",
        {"input_shape": 1, "learnable": False, "a": 0.0, "b": 2.0},
        (2.0,),
    ),
    "normal_bump": ("classical.learnable.TruG", {}),
    "logistic_derivative": ("classical.sigmoid_weighted.dSigmoid", {}),
    "tent": ("adaptive.relu.Tent", {"a": 2.0}, (2.0,)),
    "binary_window": ("classical.other.Binary", {}),
    "rsign": (
        "adaptive.sigmoid_weighted.RSIGN",
        {"input_shape": 1, "learnable": False, "a": 0.5},
        (0.5,),
    ),
    # Groupwise
    "crelu": ("classical.relu.CReLU", {"dim": 1}),
    "ncrelu": ("classical.relu.NCReLU", {"dim": 1}),
    "paired_relu": ("adaptive.relu.PairedReLU", {}),
    "glu": ("classical.glu.GLU", {"dim": 1}),
    "gtu": ("classical.glu.GTU", {"dim": 1}),
    "reglu": ("classical.glu.ReGLU", {"dim": 1}),
    "geglu": ("classical.glu.GEGLU", {"dim": 1}),
    "swiglu": ("classical.glu.SwiGLU", {"dim": 1}),
    "dual_elu": ("classical.maxsig.DualELU", {"dim": 1}),
    "softmax": ("classical.softmax.Softmax", {"dim": 1}),
    "tempered_softmax": ("classical.learnable.tSoftmax", {"dim": 1, "init_t": 2.0}, (2.0,)),
}

# Our name, their class, its arguments, and what the paper says.
DISAGREEMENTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("very_leaky_relu", "classical.relu.VLReLU", {}, "slope 3; the paper's is 1/3"),
    ("rrelu", "classical.relu.RReLU", {}, "x / 5.5, the mean divisor; torch has the mean slope"),
    ("shifted_relu", "classical.relu.SReLU", {}, "relu(x - 1); the paper has max(x, -1)"),
    (
        "hard_elish",
        "classical.maxsig.HardExponentialLinearSigmoidSquashing",
        {},
        "1 + e^-x for e^x - 1",
    ),
    ("polu", "classical.maxsig.PowerLinearUnit", {"a": 2.0}, "stops at x = -0.999"),
    ("signrelu", "classical.maxsig.PolynomialLinearUnit", {}, "stops at x = -0.999"),
    ("linq", "classical.squared.LinQ", {"a": 0.1}, "tails 1 - 2x + x^2, for 1 - 2a + a^2: a jump"),
    ("hexpo", "classical.sigmoid.Hexpo", {}, "e^-x below 0: the paper's is bounded"),
    ("cloglog", "classical.sigmoid.cLogLog", {}, "e^-x for e^x: falls"),
    ("cloglogm", "classical.sigmoid.cLogLogm", {}, "e^-x for e^x: falls by inner sign"),
    ("blu", "adaptive.relu.BLU", {"a": 0.5}, "b sqrt(x^2 + 1) - 1, for b (sqrt(x^2 + 1) - 1)"),
    ("sau", "adaptive.relu.SAU", {"a": 0.15, "b": 2.0}, "forgets 1 / b of the density"),
    ("pau", "classical.learnable.PAU", {}, "starts as the identity, even powers below"),
    ("hermite", "adaptive.abu.HPAF", {"order": 4}, "the physicists' polynomials, not normalised"),
    ("splash", "classical.learnable.SPLASH", {}, "one coefficient for both signs"),
    ("leaf", "classical.learnable.LEAF", {}, "another function of that name"),
    ("taaf", "classical.learnable.TAAF", {}, "on tanh; the paper's networks use the logistic"),
    ("sine", "classical.trig.Sine", {}, "sin(pi x); the first networks used sin(x)"),
    ("ssu", "classical.trig.SSU", {}, "sinc with pi; the paper's SSU is 0 at 0"),
    ("dsu", "classical.trig.DSU", {}, "sinc with pi"),
    ("maxmin", "classical.relu.OPLU", {}, "descending within pairs, as OPLU; ours ascending"),
    ("signed_log", "classical.other.Logarithmic", {}, "jumps at 0; Bilski's has ln(1 + |x|)"),
]


@pytest.fixture(scope="module")
def theirs() -> str:
    """The package, whose plots import plotly without asking for it."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("plotly") is None:
            plotly = ModuleType("plotly")
            patch.setitem(sys.modules, "plotly", plotly)
            for name in ("graph_objects", "io"):
                part = ModuleType(f"plotly.{name}")
                patch.setattr(plotly, name, part, raising=False)
                patch.setitem(sys.modules, part.__name__, part)
        return importlib.import_module("torch_activation").__name__


def rival(package: str, path: str, arguments: dict[str, Any]) -> nn.Module:
    module, _, name = path.rpartition(".")
    made: nn.Module = getattr(importlib.import_module(f"{package}.{module}"), name)(**arguments)
    return made.double().eval()


def ours(name: str, values: tuple[float, ...] = ()) -> nn.Module:
    expression = named(name)
    if values:
        expression = expression.with_values(values)
    return Activation(expression, channels=CHANNELS).double()


def inputs(name: str) -> Tensor:
    if named(name).is_groupwise or name == "maxmin":
        generator = torch.Generator().manual_seed(0)
        return 3.0 * torch.randn(200, CHANNELS, generator=generator, dtype=torch.float64)
    return GRID[:, None].repeat(1, CHANNELS)


def close(name: str) -> dict[str, float]:
    """Their constants are float32; ours keep the slope of roots finite at 0."""
    loose = {"m_arcsinh": 1e-5, "signed_root": 1e-5, "erfact": 1e-6}
    return {"rtol": 2e-6, "atol": loose.get(name, 2e-6)}


@pytest.mark.parametrize("name", EQUAL)
def test_equals_torch_activation(name: str, theirs: str) -> None:
    path, arguments, *values = EQUAL[name]
    x = inputs(name)
    with torch.no_grad():
        wanted = rival(theirs, path, arguments)(x.clone())
        assert_close(ours(name, *values)(x), wanted.double(), **close(name))


@pytest.mark.parametrize(("name", "path", "arguments", "why"), DISAGREEMENTS)
def test_the_disagreements_are_still_there(
    name: str, path: str, arguments: dict[str, Any], why: str, theirs: str
) -> None:
    x = inputs(name)
    with torch.no_grad():
        wanted = rival(theirs, path, arguments)(x.clone()).double()
        result = ours(name)(x)
    assert not torch.allclose(result, wanted, rtol=1e-3, atol=1e-3), why


def test_most_of_the_zoo_is_compared() -> None:
    assert len(EQUAL) >= 190
