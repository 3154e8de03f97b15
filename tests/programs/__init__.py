"""A corpus of small programs: each one a way for a gradient to go wrong.

Every module of this package is ordinary Python and NumPy that knows nothing of srcad; `@case` beside a function
gives the arguments to try it with. `all_cases` reads them all.
"""
