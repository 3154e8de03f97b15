"""Line wrapping of generated code: breaks inside brackets or at the loosest operators."""

from __future__ import annotations

from collections.abc import Iterator

WIDTH = 100
_LONGEST_TARGETS = 80
_OPENING, _CLOSING = "([{", ")]}"
# from the loosest to the tightest; a line is broken at the loosest operator it has outside all brackets
_OPERATORS = (
    (' f"', " f'"),
    (" if ", " else "),
    (" or ",),
    (" and ",),
    (" < ", " <= ", " > ", " >= ", " == ", " != "),
    (" | ",),
    (" ^ ",),
    (" & ",),
    (" << ", " >> "),
    (" + ", " - "),
    (" * ", " / ", " // ", " % ", " @ "),
)
_ASSIGNMENTS = (" = ", " += ", " -= ", " *= ", " /= ", " //= ", " **= ", " %= ", " @= ", " &= ", " |= ", " ^= ")
_KEYWORDS = ("return ", "if ", "elif ", "while ", "assert ", "raise ")


def wrap(line: str, width: int = WIDTH) -> list[str]:
    """Break one statement (one line of text, indented) into lines of at most `width` columns where possible.

    >>> print(*wrap("total = first_term * scale + second_term * scale", 36), sep="\\n")
    total = (
        first_term * scale
        + second_term * scale
    )

    So are the targets of a call with several results, where they leave no room for it.
    """
    if len(line) <= width:
        return [line]
    code = line.lstrip(" ")
    indent = len(line) - len(code)
    end = ":" if code.endswith(":") else ""
    body = code.removesuffix(":")
    if code.startswith("def "):
        return _bracketed(body, end, indent, width) or [line]
    head, expression = _split_head(body)
    targets = head.removesuffix(" = ")
    if indent + len(head) > _LONGEST_TARGETS and len(_cut(targets, (", ",), keep=False)) > 1:
        lines = _bracketed(f"({targets})", f" = {expression}", indent, width)
        if lines and len(lines[-1]) <= width:
            return lines
    if len(items := _cut(expression, (", ",), keep=False)) > 1:
        return [" " * indent + head + "(", *_filled(items, indent + 4, width), " " * indent + ")"]
    if broken := _bracketed(expression, end, indent, width, head):
        return broken
    pieces = _by_operator(expression)
    if len(pieces) == 1:
        return [line]
    inner = _lines_of(pieces, indent + 4, width)
    return [" " * indent + head + "(", *inner, " " * indent + ")" + end]


def _split_head(body: str) -> tuple[str, str]:
    """The text before the expression that may be parenthesised, and that expression."""
    for keyword in _KEYWORDS:
        if body.startswith(keyword):
            return keyword, body[len(keyword) :]
    for position, depth in _characters_outside_strings(body):
        if depth == 0:
            for sign in _ASSIGNMENTS:
                if body.startswith(sign, position):
                    return body[: position + len(sign)], body[position + len(sign) :]
    return "", body


def _characters_outside_strings(text: str) -> Iterator[tuple[int, int]]:
    """(position, bracket depth) of every character that is not inside a string literal."""
    depth, quote, skip = 0, "", False
    for position, char in enumerate(text):
        if quote:
            if skip:
                skip = False
            elif char == "\\":
                skip = True
            elif char == quote:
                quote = ""
            continue
        if char in "'\"":
            quote = char
            continue
        if char in _CLOSING:
            depth -= 1
        yield position, depth
        if char in _OPENING:
            depth += 1


def _cut(text: str, separators: tuple[str, ...], keep: bool) -> list[str]:
    """Split at separators outside all brackets; with `keep`, a separator begins the piece after it."""
    if not any(separator in text for separator in separators):
        return [text]
    pieces, start = [], 0
    for position, depth in _characters_outside_strings(text):
        if depth == 0 and position > start:
            found = next((s for s in separators if text.startswith(s, position)), None)
            if found is not None:
                pieces.append(text[start:position])
                start = position + 1 if keep else position + len(found)
    return [*pieces, text[start:]]


def _by_operator(text: str) -> list[str]:
    for operators in _OPERATORS:
        pieces = _cut(text, operators, keep=True)
        if len(pieces) > 1:
            return pieces
    return [text]


def _bracketed(text: str, end: str, indent: int, width: int, head: str = "") -> list[str] | None:
    """`head name(` / contents / `)`, when the whole text is one call, tuple, list or subscript."""
    if not text.endswith(tuple(_CLOSING)) or len(_by_operator(text)) > 1:
        return None
    opening = max(p for p, depth in _characters_outside_strings(text) if depth == 0 and text[p] in _OPENING)
    inside = text[opening + 1 : -1]
    if not inside or len(head) + opening + 1 + indent > width:
        return None
    pad = " " * (indent + 4)
    pieces = [piece for piece in _cut(inside, (", ",), keep=False) if piece]
    one_line = pad + ", ".join(pieces)
    if len(one_line) <= width and (len(pieces) > 1 or not text.startswith("(")):
        inner = [one_line]
    elif len(pieces) == 1:
        inner = _lines_of(_by_operator(inside), indent + 4, width)
    else:
        inner = _filled(pieces, indent + 4, width)
    return [" " * indent + head + text[: opening + 1], *inner, " " * indent + text[-1] + end]


def _filled(items: list[str], indent: int, width: int) -> list[str]:
    """Items between commas: short ones share lines, others have one each."""
    if any(len(item) > 30 for item in items):
        return [line for item in items for line in _lines_of([item + ","], indent, width)]
    lines = [" " * indent + items[0] + ","]
    for item in items[1:]:
        if len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f" {item},"
        else:
            lines.append(" " * indent + item + ",")
    return lines


def _lines_of(pieces: list[str], indent: int, width: int) -> list[str]:
    """Each piece on a line of its own; one that is still too long is broken again."""
    lines: list[str] = []
    for piece in pieces:
        line = " " * indent + piece
        if len(line) <= width:
            lines.append(line)
            continue
        comma = "," if piece.endswith(",") else ""
        bare = piece.removesuffix(",")
        broken = _bracketed(bare, comma, indent, width)
        if broken is None:
            parts = _by_operator(bare)
            if len(parts) > 1:
                parts[-1] += comma
                broken = _lines_of(parts, indent, width)
        lines += broken or [line]
    return lines
