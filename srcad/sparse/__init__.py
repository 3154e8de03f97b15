"""Sparse Jacobians and Hessians: what depends on what, colours, and as many sweeps as there are colours."""
