"""Random programs written from the grammar of the language, not from what the compiler is known to do.

`writer` writes a program, running it as far as it goes to know what every name holds; `judge` compares its derivative
with the program itself and with differences; `pool` does so in child processes; `minimise` makes a failure small.
"""
