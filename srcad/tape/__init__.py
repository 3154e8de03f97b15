"""The tape: records what imperative code does with tensors, and differentiates the recording as a program."""
