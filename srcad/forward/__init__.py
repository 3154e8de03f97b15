"""Forward mode: a function in normal form with the tangents of its values, each after the statement it belongs to."""
