"""Written by `srcad build`."""
