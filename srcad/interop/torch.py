"""srcad and PyTorch, both ways: a function of ours in torch's graph, a module of torch in a function of ours.

`as_torch(f)`, `AutoModule` and `AutoCriterion` go one way, `functionalize(module)` the other. Tensors are on the CPU,
and share their memory with the arrays that srcad reads and returns.
"""

from srcad.interop.torch_function import TorchFunction, as_torch
from srcad.interop.torch_module import AutoCriterion, AutoModule
from srcad.interop.torch_operation import functionalize

__all__ = ["AutoCriterion", "AutoModule", "TorchFunction", "as_torch", "functionalize"]
