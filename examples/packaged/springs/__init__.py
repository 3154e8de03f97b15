"""The energy of a chain of springs, and the forces (`springs.forces`)."""
