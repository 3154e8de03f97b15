"""What of NumPy's reference srcad has: tables of calls, and the command that tries them."""
