"""The unparser: from a syntax tree to source text with comments, minimal parentheses and wrapped lines.

The only module that uses astunparse. Its `Unparser` supplies the traversal; parentheses, comments, blank lines,
wrapping and docstrings are implemented here.
"""

from __future__ import annotations

import ast
import io
import math
import re
from collections.abc import Sequence

from astunparse import Unparser

from srcad.backend.python.comment_nodes import Remark, Verbatim
from srcad.backend.python.line_wrapping import WIDTH, wrap

_RULER = 78  # columns a section ruler fills
_TUPLE, _TERNARY, _OR, _AND, _NOT, _COMPARE = 0, 1, 2, 3, 4, 5
_UNARY, _POWER, _ATOM = 12, 13, 15
_BINARY = {
    ast.BitOr: 6, ast.BitXor: 7, ast.BitAnd: 8, ast.LShift: 9, ast.RShift: 9, ast.Add: 10, ast.Sub: 10,
    ast.Mult: 11, ast.Div: 11, ast.FloorDiv: 11, ast.Mod: 11, ast.MatMult: 11, ast.Pow: _POWER,
}  # fmt: skip

_LONGEST_TEXT = 80


def write(tree: ast.AST) -> str:
    """The text of a tree, without a newline at the end.

    >>> write(ast.parse("x = (a - (b - c)) + ((d * e))"))
    'x = a - (b - c) + d * e'
    """
    return write_with_names(tree)[0]


def module_docstring(text: str) -> str:
    """The docstring of a module, whose quotes stand on a line of their own after several lines.

    >>> module_docstring("A gradient.")
    '\"\"\"A gradient.\"\"\"'
    """
    lines = text.rstrip("\n")
    return write(ast.Module([ast.Expr(ast.Constant(lines + ("\n" if "\n" in text else "")))], []))


def write_with_names(tree: ast.AST) -> tuple[str, set[str]]:
    """The text of a tree, and every name (`ast.Name`) in it."""
    out = io.StringIO()
    writer = _Writer(tree, out)
    return out.getvalue().strip("\n"), writer.names


class _Writer(Unparser):  # type: ignore[misc]
    """astunparse with operator precedence, and with the nodes of comment_nodes."""

    def __init__(self, tree: ast.AST, out: io.StringIO) -> None:
        self._line: list[str] = []
        self._out = out
        self.names: set[str] = set()
        super().__init__(tree, out)
        self._flush()

    # ---- lines ---------------------------------------------------------------------------

    def fill(self, text: str = "") -> None:
        self._flush()
        self._line = ["    " * self._indent + text]

    def write(self, text: str) -> None:
        self._line.append(text)

    def _flush(self) -> None:
        line = "".join(self._line)
        if line:
            for part in wrap(line):
                self._out.write(part + "\n")
        self._line = []

    def _raw(self, text: str) -> None:
        self._flush()
        self._out.write(text + "\n")

    def _block(self, body: Sequence[ast.stmt]) -> None:
        self.enter()
        self.dispatch(list(body))
        if all(isinstance(s, Remark) for s in body):
            self.fill("pass")
        self.leave()

    # ---- statements ----------------------------------------------------------------------

    def _Remark(self, t: Remark) -> None:
        pad = "    " * self._indent
        if not t.text:
            self._raw("")
        for line in t.text.splitlines():
            text = pad + "# " + line
            if line.startswith("---- "):
                text = text.rstrip("- ") + " "
                text += "-" * (_RULER - len(text))
            elif re.match(r"L\d+: ", line) and len(text) > WIDTH:
                text = _shortened(text)
            self._raw(text.rstrip())

    def _Verbatim(self, t: Verbatim) -> None:
        for line in t.text.splitlines():
            self._raw("    " * self._indent + line)

    def _FunctionDef(self, t: ast.FunctionDef) -> None:
        for decorator in t.decorator_list:
            self.fill("@")
            self.dispatch(decorator)
        self.fill(f"def {t.name}(")
        self.dispatch(t.args)
        self.write(")")
        self._block(t.body)
        self._flush()

    def _For(self, t: ast.For) -> None:
        self.fill("for ")
        self.dispatch(t.target)
        self.write(" in ")
        self.dispatch(t.iter)
        self._block(t.body)

    def _While(self, t: ast.While) -> None:
        self.fill("while ")
        self.dispatch(t.test)
        self._block(t.body)

    def _If(self, t: ast.If) -> None:
        self.fill("if ")
        self.dispatch(t.test)
        self._block(t.body)
        while len(t.orelse) == 1 and isinstance(t.orelse[0], ast.If):
            t = t.orelse[0]
            self.fill("elif ")
            self.dispatch(t.test)
            self._block(t.body)
        if t.orelse:
            self.fill("else")
            self._block(t.orelse)

    def _Assign(self, t: ast.Assign) -> None:
        self.fill()
        for target in t.targets:
            self._bare(target)
            self.write(" = ")
        self._bare(t.value)

    def _Return(self, t: ast.Return) -> None:
        self.fill("return")
        if t.value is not None:
            self.write(" ")
            self._bare(t.value)

    def _Expr(self, t: ast.Expr) -> None:
        if isinstance(t.value, ast.Constant) and isinstance(t.value.value, str):
            self._docstring(t.value.value)
            return
        self.fill()
        self.dispatch(t.value)

    def _docstring(self, text: str) -> None:
        pad = "    " * self._indent
        safe = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
        lines = safe.strip("\n").split("\n")
        quoted = ['"""' + lines[0], *lines[1:]]
        if len(lines) == 1:
            quoted[0] += '"""'
        else:
            quoted.append('"""')
        for line in quoted:
            self._raw((pad + line).rstrip())

    # ---- expressions ---------------------------------------------------------------------

    def _operand(self, node: ast.expr, least: int) -> None:
        """Write a node, in parentheses if its precedence is less than `least`."""
        if _precedence(node) < least:
            self.write("(")
            self.dispatch(node)
            self.write(")")
        else:
            self.dispatch(node)

    def _Name(self, t: ast.Name) -> None:
        self.names.add(t.id)
        self.write(t.id)

    def _bare(self, node: ast.expr) -> None:
        """Write a node where Python accepts a tuple without parentheses."""
        if isinstance(node, ast.Tuple) and len(node.elts) > 1:
            self._listed(node.elts)
        else:
            self.dispatch(node)

    def _listed(self, nodes: Sequence[ast.expr]) -> None:
        for position, node in enumerate(nodes):
            if position:
                self.write(", ")
            self._operand(node, _TERNARY)

    def _BinOp(self, t: ast.BinOp) -> None:
        level = _BINARY[type(t.op)]
        power = isinstance(t.op, ast.Pow)
        self._operand(t.left, level + 1 if power else level)
        self.write(f" {self.binop[type(t.op).__name__]} ")
        self._operand(t.right, _UNARY if power else level + 1)

    def _UnaryOp(self, t: ast.UnaryOp) -> None:
        if isinstance(t.op, ast.Not):
            self.write("not ")
            self._operand(t.operand, _NOT)
        else:
            self.write(self.unop[type(t.op).__name__])
            self._operand(t.operand, _UNARY)

    def _Compare(self, t: ast.Compare) -> None:
        self._operand(t.left, _COMPARE + 1)
        for operator, right in zip(t.ops, t.comparators, strict=True):
            self.write(f" {self.cmpops[type(operator).__name__]} ")
            self._operand(right, _COMPARE + 1)

    def _BoolOp(self, t: ast.BoolOp) -> None:
        level = _precedence(t)
        for position, value in enumerate(t.values):
            if position:
                self.write(f" {self.boolops[type(t.op)]} ")
            self._operand(value, level + 1)

    def _IfExp(self, t: ast.IfExp) -> None:
        self._operand(t.body, _OR)
        self.write(" if ")
        self._operand(t.test, _OR)
        self.write(" else ")
        self._operand(t.orelse, _TERNARY)

    def _Attribute(self, t: ast.Attribute) -> None:
        self._operand(t.value, _ATOM)
        self.write("." + t.attr)

    def _Call(self, t: ast.Call) -> None:
        self._operand(t.func, _ATOM)
        self.write("(")
        self._listed([*t.args, *t.keywords])  # type: ignore[list-item]
        self.write(")")

    def _Subscript(self, t: ast.Subscript) -> None:
        self._operand(t.value, _ATOM)
        self.write("[")
        self._bare(t.slice)
        self.write("]")

    def _Constant(self, t: ast.Constant) -> None:
        if isinstance(t.value, float) and not math.isfinite(t.value):
            self.names.add("np")
        self.write(literal(t.value))

    def _JoinedStr(self, t: ast.JoinedStr) -> None:
        text, location = "", ""
        for part in t.values:
            if isinstance(part, ast.Constant):
                text += str(part.value).replace("{", "{{").replace("}", "}}")
            elif isinstance(part, ast.FormattedValue):
                before, self._line = self._line, []
                self._bare(part.value)
                text += "{" + "".join(self._line) + "}"
                self._line = before
        if len(text) > _LONGEST_TEXT and isinstance(t.values[0], ast.Constant):
            # the source location on a line of its own, the message on the next
            location, colon, _ = str(t.values[0].value).rpartition(": ")
            location += colon
            text = text[len(location.replace("{", "{{").replace("}", "}}")) :]
        self.write(f"{literal(location)} f{literal(text)}" if location else f"f{literal(text)}")


def _precedence(node: ast.AST) -> int:
    match node:
        case ast.IfExp():
            return _TERNARY
        case ast.BoolOp(op=ast.Or()):
            return _OR
        case ast.BoolOp():
            return _AND
        case ast.UnaryOp(op=ast.Not()):
            return _NOT
        case ast.Compare():
            return _COMPARE
        case ast.BinOp():
            return _BINARY[type(node.op)]
        case ast.UnaryOp():
            return _UNARY
        case ast.Constant(value=int() | float() | complex() as number) if literal(number).startswith("-"):
            return _UNARY
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return _ATOM - 1  # `3.real` is no Python, `(3).real` is
        case _:
            return _ATOM


def literal(value: object) -> str:
    """A constant as Python reads it back, to the last bit.

    >>> literal(0.1), literal(float("-inf")), literal(True), literal(None), literal(-2j), literal(complex(0.0, -2.0))
    ('0.1', '-np.inf', 'True', 'None', '-2j', 'complex(0.0, -2.0)')
    """
    if value is Ellipsis:
        return "..."
    if isinstance(value, float):
        if math.isinf(value):
            return "np.inf" if value > 0 else "-np.inf"
        return "np.nan" if math.isnan(value) else repr(float(value))
    if isinstance(value, complex):
        return _complex_literal(value)
    text = repr(value)
    if isinstance(value, str) and text[0] == "'" and '"' not in text:
        return f'"{text[1:-1]}"'
    return text


def _complex_literal(value: complex) -> str:
    """What Python reads `1 - 2j` as has the signs of zeros that a difference has."""
    signs = math.copysign(1.0, value.real), math.copysign(1.0, value.imag)
    finite = math.isfinite(value.real) and math.isfinite(value.imag)
    if finite and (value.real != 0.0 or signs == (1.0, 1.0)):
        return repr(value)
    if finite and signs == (-1.0, -1.0):
        return f"-{-value!r}"
    return f"complex({literal(value.real)}, {literal(value.imag)})"


def _shortened(text: str) -> str:
    """A quoted source line that is too long, truncated between two terms, ending in ` ...`."""
    room = WIDTH - len(" ...")
    start = text.index(": ") + 2
    depth, room = 0, WIDTH - len(" ...")
    best = [room, 0, 0]  # any space, before a factor, before a term
    for position, char in enumerate(text[: room + 1]):
        if position < start:
            continue
        depth += (char in "([{") - (char in ")]}")
        if char == " " and text[position - 1] not in "+-*/%@=,<>":
            best[0] = position
            if depth == 0 and text[position + 1] in "*/%@":
                best[1] = position
            if depth == 0 and text[position + 1] in "+-":
                best[2] = position
    return text[: best[2] or best[1] or best[0]].rstrip() + " ..."
