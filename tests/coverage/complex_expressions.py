"""Calls of `np.fft` and of complex numbers, one a line, with the letters of `numpy_expressions`."""

from __future__ import annotations

FFT = """
np.fft.fft(v)
np.fft.fft(v + 1j * w)
np.fft.fft(v, 8)
np.fft.fft(v, n=3, norm='ortho')
np.fft.fft(m, axis=0, norm='forward')
np.fft.ifft(v + 1j * w)
np.fft.ifft(np.fft.fft(v) * np.fft.fft(w)).real
np.fft.ifft(m, 6, axis=1)
np.fft.rfft(v)
np.fft.rfft(m, axis=0)
np.fft.rfft(v, 8, norm='ortho')
np.fft.irfft(np.fft.rfft(v))
np.fft.irfft(np.fft.rfft(v), 5)
np.fft.irfft(np.fft.rfft(m, axis=0), n=3, axis=0)
np.fft.irfft(np.fft.rfft(v, 9) * np.fft.rfft(w, 9), 9)
np.fft.hfft(v + 1j * w)
np.fft.ihfft(v)
np.fft.fft2(m)
np.fft.fft2(c, axes=(0, 1))
np.fft.ifft2(m)
np.fft.rfft2(m)
np.fft.irfft2(np.fft.rfft2(m))
np.fft.irfft2(np.fft.rfft2(m), s=m.shape)
np.fft.fftn(c)
np.fft.fftn(c, axes=(0, 2))
np.fft.ifftn(c)
np.fft.rfftn(c)
np.fft.irfftn(np.fft.rfftn(c))
np.fft.fftfreq(6, 0.5)
np.fft.rfftfreq(6, t)
np.fft.fftshift(v)
np.fft.fftshift(m, axes=1)
np.fft.ifftshift(v)
np.abs(np.fft.fft(v)) ** 2
np.angle(np.fft.rfft(v)[1:])
np.real(np.fft.ifft(1j * np.fft.fftfreq(5) * np.fft.fft(v)))
"""

COMPLEX = """
np.abs(v + 1j * w)
np.absolute(m + 1j * n)
np.angle(v + 1j * w)
np.real(v + 1j * w)
np.imag(v * (v + 1j * w))
np.conj(v + 1j * w) * w
(v + 1j * w).conj().imag
(v + 1j * w) * (w - 2j * v)
(v + 1j * w) / (w - 2j * v)
(v + 1j * w) ** 2
(h + 1j * w) ** 0.5
np.exp(1j * v)
np.exp(v + 1j * w)
np.log(h + 1j * w)
np.sqrt(h + 1j * w)
np.sin(v + 1j * w)
np.cosh(v + 1j * w)
np.tanh(v + 1j * w)
np.square(v + 1j * w)
np.sum(np.abs(v + 1j * w) ** 2)
np.mean(m + 1j * n, axis=0)
np.prod(v + 1j * w)
np.cumsum(v + 1j * w)
np.vdot(v + 1j * w, w + 1j * v)
(s + 1j * s2) @ (s2 - 1j * s)
np.linalg.solve(s + 1j * s2, u)
np.linalg.inv(s + 1j * s2)
np.linalg.det(s + 1j * s2)
np.linalg.eigvals(s)
np.linalg.norm(v + 1j * w)
np.einsum('ij,jk->ik', s + 1j * s2, s)
np.outer(v + 1j * w, w)
np.where(v > 0.0, v + 1j * w, w)
np.roots(h[:4])
np.polyval(u, v + 1j * w)
np.array([t + 1j * l, l]) * 2.0
np.zeros(3, complex) + u
complex(t, l) * v
"""

GROUPS = {"numpy.fft": FFT.strip().split("\n"), "complex numbers": COMPLEX.strip().split("\n")}
