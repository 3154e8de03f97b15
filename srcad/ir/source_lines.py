"""Lines of the user's source, and the comments in them."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator


def comments(text: str) -> Iterator[tuple[int, int, str]]:
    """The comments of a text with their rows, from 1, and columns; as far as it is complete."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield *token.start, token.string
    except (tokenize.TokenError, SyntaxError):  # it ends within a statement
        return


def without_comment(line: str) -> str:
    """A line of source without the comment at its end.

    >>> without_comment('y = "#1" + x  # joined'), without_comment("y = f(x,  # one")
    ('y = "#1" + x', 'y = f(x,')
    """
    column = next((column for _, column, _ in comments(line)), len(line)) if "#" in line else len(line)
    return line[:column].rstrip()
