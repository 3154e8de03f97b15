"""Lists of numbers where NumPy has arrays: each function takes them as NumPy does."""

import numpy as np
import pytest

import srcad
from tests.functions_from_text import function_of

CALLS = """
np.diff(L) np.cumsum(L) np.prod(L) np.max(L) np.sort(L) np.mean(L) np.median(L) np.std(L) np.dot(L,L) np.outer(L,L)
np.convolve(L,L) np.interp(0.3,[0.,.5,1.],L) np.polyval(L,2.0) np.roll(L,1) np.flip(L)
np.where([True,False,True],L,0.0) np.concatenate([L,L]) np.stack([L,L]) np.linalg.norm(L) np.tile(L,2)
np.repeat(L,2) np.gradient(L) np.trapezoid(L) np.kron(L,L) np.cross(L,L2) np.einsum('i,i->',L,L) np.tensordot(L,L,1)
np.vander(L) np.diag(L) np.clip(L,0,1) np.exp(L) np.maximum(L,0.3) np.sum(np.multiply(L,2.0))
np.average(L,weights=[1.,2.,3.]) np.percentile(L,30) np.append(L,1.0) np.insert(L,1,2.0) np.delete(L,0) np.pad(L,1)
np.take(L,[0,1]) np.select([[True,False,True]],[L],0.0) np.broadcast_to(L,(2,3)) np.cov(L) np.var(L) np.ptp(L)
np.linalg.solve(np.eye(3),L) np.polyfit([0.,1.,2.],L,1) np.inner(L,L) np.vdot(L,L) np.atleast_2d(L) np.asarray(L)
np.meshgrid(L,L)[0] np.split(np.array(L),3)[0] np.fft.rfft(L).real np.abs(L) np.sqrt(L) np.reshape(L,(3,1))
np.transpose(L) np.expand_dims(L,0) np.squeeze(L) np.linspace(L[0],L[1],4) np.nan_to_num(L) np.add.reduce(L)
np.argsort(L)*L[0] np.allclose(L,L)*L[0] np.poly(L) np.correlate(L,L) np.triu(np.outer(L,L)) np.unwrap(L)
np.logaddexp(L,L) np.hypot(L,L) np.array_split(np.array(L),2)[0] np.sinc(L) np.heaviside(L,0.5)*L[0] np.nansum(L)
np.rot90([L,L]) np.vstack([L,L]) np.hstack([L,L]) np.column_stack([L,L]) np.dstack([L,L]) np.trace([L,L,L])
np.linalg.det([L,[0.,1.,0.],[0.,0.,1.]]) np.quantile(L,[.2,.4]) np.bincount([0,1,1],weights=L)
np.histogram([0.,1.,1.],weights=L)[0] np.apply_along_axis(np.sum,0,np.array([L,L]))
np.piecewise(np.array(L),[np.array(L)>0.5],[1.0,2.0])*L[0] np.ravel(L) np.size(L)*L[0] np.shape(L)[0]*L[1]
np.ndim(L)*L[0] np.copy(L) np.full(3,L) np.cumprod(L) np.mean([L,L],axis=0) np.all(L)*L[0] np.count_nonzero(L)*L[0]
np.isclose(L,L)*L[0] np.minimum.reduce(L) np.maximum.accumulate(L) np.swapaxes([L,L],0,1) np.moveaxis([L,L],0,1)
np.compress([1,0,1],L) np.extract([1,0,1],L) np.choose([0,1,0],[L,L2]) np.nanmax(L) np.trapezoid(L,x=[0.,.3,1.])
np.linalg.multi_dot([np.eye(3),np.array(L)]) np.lib.stride_tricks.sliding_window_view(L,2) np.ediff1d(L)
np.resize(L,5) np.block([L,L]) np.r_[L,1.0] np.fliplr([L,L]) np.matmul([L],np.eye(3)) np.divide(L,2.0) np.power(L,2)
np.negative(L)
""".split()
PROGRAM = """
def program(x):
    L = [x[0], x[1] * x[0], x[2]]
    L2 = [x[2], 1.0, x[1]]
    return np.sum({call})
"""


@pytest.mark.one_in(10)
@pytest.mark.parametrize("call", CALLS)
def test_a_list(call: str) -> None:
    program = function_of(PROGRAM.format(call=call), {}, "program")
    x = np.array([0.45, 0.62, 0.31])
    value, _ = srcad.value_and_grad(program, target="python")(x)
    np.testing.assert_allclose(value, program(x), rtol=1e-13)
    assert srcad.check_grad(program, x, target="python")
