"""SciPy's functions in terms of the primitives, a module for each of SciPy's, imported after it by `libraries`."""
