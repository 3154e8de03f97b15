"""Calls that look whether their results are finite: `debug=True` and `on_nonfinite`.

The function runs as it does otherwise. Only where a result has NaN or an infinity, the readable text runs too, in
Python, to find the place. So a call costs little more while nothing is wrong, and much more, once, when something is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from srcad.backend.modules import cache_files
from srcad.backend.python.statement_sources import statement_sources
from srcad.compiler.generate import Generated
from srcad.errors import NonFiniteError, Problem
from srcad.inspection.nonfinite_search import ReadableText, is_finite, search
from srcad.ir.types import Array
from srcad.request import Request

Call = Callable[..., Any]


def readable_text(generated: Generated, which: int = 0) -> ReadableText:
    """What people read of a generated function, in a file; of a pair, `which` is 1 for the reverse function."""
    text = generated.text()
    f = generated.printed[len(generated.beside) + which]
    file = str(cache_files.store(generated.name, text, keep=False))
    parameters = tuple(param.name for param in f.params)
    sources = {line: span for one in generated.printed for line, span in statement_sources(one, text).items()}
    return ReadableText(f.name, text, file, parameters, sources)


def copied(arguments: Sequence[Any]) -> list[Any]:
    """Arguments that a second run may write to."""
    return [one.copy(order="K") if isinstance(one, np.ndarray) else one for one in arguments]


def checking_call(call: Call, generated: Generated, request: Request, which: int = 0) -> Call:
    """The call, with a look at its results; what was asked for with `has_aux` beside the value may be anything.

    Of a pair, `which` is 1 for the reverse function.
    """
    options = request.options
    if not (options.debug or options.on_nonfinite):
        return call
    names = [param.name for param in generated.function.params]
    primal = generated.lowered.function
    written: set[str] = set()
    if request.mode in ("primal", "adjoint"):  # arrays that the caller gets back
        written = {name for name in generated.written if isinstance(primal.types[name], Array)}
        written |= {name for name in names[len(primal.params) :] if isinstance(generated.function.types[name], Array)}
    also = {name: at for at, name in enumerate(names) if name in written}
    auxiliary = range(1, len(primal.results)) if request.has_aux else range(0)
    if generated.pair is not None:
        also = {}
        auxiliary = range(
            0 if which else generated.pair.differentiated, 0 if which else len(generated.function.results)
        )

    def checked(*arguments: Any) -> Any:
        before = {at: arguments[at].copy(order="K") for at in also.values()}  # no call modifies any other
        returned = call(*arguments)
        flat = returned if isinstance(returned, tuple) else (returned,)
        results = [at for at in range(len(flat)) if at not in auxiliary]
        if all(is_finite(flat[at]) for at in results) and all(is_finite(arguments[at]) for at in also.values()):
            return returned
        again = [before.get(at, one) for at, one in enumerate(copied(arguments))]
        found = search(readable_text(generated, which), again, results, also)
        if options.on_nonfinite is not None:
            if found is not None:
                options.on_nonfinite(found)
        elif found is not None:
            raise found.error()
        else:
            raise _only_compiled(generated)
        return returned

    return checked


def _only_compiled(generated: Generated) -> NonFiniteError:
    why = "The same text gives finite numbers in Python: the compiled one rounds differently, or reads out of bounds."
    message = f"a result of {generated.lowered.function.name} is not finite, and no place of it was found"
    return NonFiniteError(Problem("S601", message, None, why, "run it with target='python'; and without fastmath."))
