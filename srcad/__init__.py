"""srcad: gradients of Python functions, as readable Python source that runs compiled.

import srcad

gradient = srcad.grad(f)
gradient(x)
print(gradient.source)
"""

from srcad import optim
from srcad.api import adjoint, grad, hessian, hvp, jacobian, jit, jvp, load, stop_gradient, value_and_grad, vjp
from srcad.capacitor import Capacitor, Recorded
from srcad.derivative import Derivative
from srcad.dispatch.memory_plan import Plan
from srcad.errors import (
    AliasError,
    ArgumentError,
    CompileError,
    DerivativeError,
    InternalError,
    NumericalDerivativeWarning,
    SrcadError,
    UnsupportedError,
    ZeroDerivativeWarning,
)
from srcad.gradient_check import check_grad, check_rule
from srcad.insertion import insert_gradient_of
from srcad.pullback import Vjp
from srcad.rules.expansions.roots import implicit_root
from srcad.rules.expansions.windows import window
from srcad.rules.external import opaque
from srcad.tape.module import Module
from srcad.tape.state import no_grad
from srcad.tape.tape import Tape
from srcad.tape.tensor import Tensor

__all__ = [
    "AliasError",
    "ArgumentError",
    "Capacitor",
    "CompileError",
    "Derivative",
    "DerivativeError",
    "InternalError",
    "Module",
    "NumericalDerivativeWarning",
    "Plan",
    "Recorded",
    "SrcadError",
    "Tape",
    "Tensor",
    "UnsupportedError",
    "Vjp",
    "ZeroDerivativeWarning",
    "adjoint",
    "check_grad",
    "check_rule",
    "grad",
    "hessian",
    "hvp",
    "implicit_root",
    "insert_gradient_of",
    "jacobian",
    "jit",
    "jvp",
    "load",
    "no_grad",
    "opaque",
    "optim",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "window",
]
__version__ = "0.1.0"
