"""Derivatives that cross the border to another library: `srcad.interop.torch`, `srcad.interop.jax`.

Neither library is imported by srcad itself, nor installed with it: `pip install 'srcad[torch]'`, `'srcad[jax]'`.
"""
