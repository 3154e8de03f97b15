"""The function with one exit does what the original did, for every way of leaving a block."""

import ast
import contextlib
import inspect
import itertools
import random
import textwrap

import gast
import pytest

from srcad.frontend.syntax.structured_exits import structure_exits
from tests.functions_from_text import function_of
from tests.test_iteration_order import outcome

FORBIDDEN = gast.Break | gast.Continue


def transformed(text):
    tree = gast.parse(textwrap.dedent(text)).body[0]
    before = gast.dump(tree, include_attributes=True)
    out = structure_exits(tree)
    assert gast.dump(tree, include_attributes=True) == before, "the given tree was changed"
    check_form(out)
    return out


def own_nodes(node):
    """The nodes of a function, without those of functions inside it."""
    for child in gast.iter_child_nodes(node):
        yield child
        if not isinstance(child, gast.FunctionDef | gast.Lambda | gast.ClassDef):
            yield from own_nodes(child)


def check_form(tree):
    nodes = list(own_nodes(tree))
    assert not [n for n in nodes if isinstance(n, FORBIDDEN)]
    assert [n for n in nodes if isinstance(n, gast.Return)] == [tree.body[-1]]
    assert not [n for n in nodes if isinstance(n, gast.For | gast.While) and n.orelse]
    for node in nodes:
        if isinstance(node, gast.expr | gast.stmt):
            assert node.lineno >= 1 and node.col_offset >= 0, gast.dump(node)
        for name in getattr(node, "_fields", ()):
            value = getattr(node, name)
            assert value != [] or name != "body", "an empty block"


class ReadExitFlags(ast.NodeTransformer):
    """What `exit_flag` means: at the end of each turn, leave if it is true."""

    def visit_For(self, node):
        self.generic_visit(node)
        flag = getattr(node, "exit_flag", None)
        if flag is not None:
            node.body = [*node.body, ast.parse(f"if {flag}: break").body[0]]
        return node


def executable(tree):
    plain = gast.Module([tree], [])
    flags = [getattr(n, "exit_flag", None) for n in gast.walk(plain) if isinstance(n, gast.For)]
    module = gast.gast_to_ast(plain)
    loops = [n for n in ast.walk(module) if isinstance(n, ast.For)]
    assert len(loops) == len(flags)
    for loop, flag in zip(loops, flags):  # both walks are breadth first
        if flag is not None:
            loop.exit_flag = flag
    module = ast.fix_missing_locations(ReadExitFlags().visit(module))
    space = {}
    exec(compile(module, "<transformed>", "exec"), space)
    return space[tree.name]


def original(text):
    space = {}
    exec(textwrap.dedent(text), space)
    return space[gast.parse(textwrap.dedent(text)).body[0].name]


def same(text, *inputs):
    """Both versions on every input: results and traces are equal (a trace is what the program appends to `log`)."""
    first, second = original(text), executable(transformed(text))
    for given in inputs:
        logs = [], []
        results = []
        for function, log in zip((first, second), logs):
            try:
                results.append(function(*given, log))
            except ValueError as error:
                results.append(("raised", str(error)))
        assert repr(results[0]) == repr(results[1]), (given, results, text)
        assert logs[0] == logs[1], (given, text)


def test_straight_functions_stay():
    text = "def f(x):\n    y = x * 2.0\n    for i in range(3):\n        y += i\n    return (y, x)\n"
    tree = gast.parse(text).body[0]
    assert gast.unparse(structure_exits(tree)) == gast.unparse(tree)


def text_after(text):
    return gast.unparse(transformed(text)).strip()


def shown(expected):
    return textwrap.dedent(expected).strip()


def test_guard_becomes_nesting():
    assert text_after("""
        def f(x):
            if x < 0.0:
                return 0.0
            y = x * x
            if y > 4.0:
                return 4.0
            return y
        """) == shown("""
        def f(x):
            if x < 0.0:
                result = 0.0
            else:
                y = x * x
                if y > 4.0:
                    result = 4.0
                else:
                    result = y
            return result
        """)


def test_continue_becomes_nesting():
    assert text_after("""
        def f(x):
            s = 0.0
            for v in x:
                if v < 0.0:
                    continue
                s += v
            return s
        """) == shown("""
        def f(x):
            s = 0.0
            for v in x:
                if not v < 0.0:
                    s += v
            return s
        """)


def test_break_becomes_a_flag():
    tree = transformed("""
        def f(x):
            s = 0.0
            for v in x:
                if v < 0.0:
                    break
                s += v
            return s
        """)
    assert gast.unparse(tree).strip() == shown("""
        def f(x):
            s = 0.0
            stopped = False
            for v in x:
                if v < 0.0:
                    stopped = True
                else:
                    s += v
            return s
        """)
    assert tree.body[2].exit_flag == "stopped"


def test_while_true():
    assert text_after("""
        def f(x):
            while True:
                x = 0.5 * x
                if x < 1.0:
                    break
            return x
        """) == shown("""
        def f(x):
            stopped = False
            while not stopped:
                x = 0.5 * x
                if x < 1.0:
                    stopped = True
            return x
        """)


def test_procedure_needs_no_result():
    assert text_after("""
        def f(x):
            if len(x) == 0:
                return
            x[0] = 1.0
        """) == shown("""
        def f(x):
            if not len(x) == 0:
                x[0] = 1.0
            return None
        """)


def test_names_do_not_clash():
    out = text_after("""
        def f(x, result, stopped):
            returned = 1.0
            for v in x:
                if v < result:
                    break
                for w in x:
                    if w > stopped:
                        return w
            return returned
        """)
    for name in ("result_1", "stopped_1", "returned_1"):
        assert name in out


def test_guards_that_raise_stay_flat():
    text = """
        def f(x):
            if x < 0.0:
                raise ValueError('negative')
            return x
        """
    assert text_after(text) == shown(text)


def test_inner_functions_are_left_alone():
    text = """
        def f(x):
            def g(y):
                for i in range(3):
                    if y > i:
                        return y
                return 0.0

            return g(x)
        """
    assert text_after(text).replace("\n\n", "\n") == shown(text).replace("\n\n", "\n")


CASES = {
    "break and else": """
        def f(a, b, log):
            for i in range(a):
                if i == b:
                    log.append("hit")
                    break
            else:
                log.append("none")
            log.append(i if a else None)
        """,
    "else that returns": """
        def f(a, b, log):
            for i in range(a):
                if i == b:
                    break
            else:
                return "none"
            return i
        """,
    "return and break and else": """
        def f(a, b, log):
            for i in range(a):
                log.append(i)
                if i == b:
                    return "found", i
                if i == b + 2 or i == 2:
                    break
            else:
                log.append("else")
                if b > 1:
                    return "else"
            log.append("after")
            return 1
        """,
    "else without break": """
        def f(a, b, log):
            while a > 0:
                a -= 1
                if a == b:
                    return a
            else:
                log.append("else")
            return "end"
        """,
    "nested breaks": """
        def f(a, b, log):
            for i in range(a):
                for j in range(b):
                    if i == j:
                        continue
                    log.append((i, j))
                    if i + j == 4:
                        break
                else:
                    log.append("inner else")
                    continue
                log.append("outer goes on")
                if i == 2:
                    break
            return i if a else None
        """,
    "break in the else of an inner loop": """
        def f(a, b, log):
            for i in range(a):
                for j in range(b):
                    if j == i:
                        break
                else:
                    break
                log.append(i)
            else:
                return "whole"
            return "part"
        """,
    "return from three loops deep": """
        def f(a, b, log):
            for i in range(a):
                k = 0
                while True:
                    k += 1
                    for m in range(k):
                        if m * i == b:
                            return i, k, m
                        if m > 3:
                            break
                    if k > 4:
                        break
                log.append((i, k))
        """,
    "partial exits": """
        def f(a, b, log):
            if a > 1:
                log.append(1)
                if b > 1:
                    return "early"
                log.append(2)
            elif a == 1:
                log.append(3)
            log.append(4)
            return "late"
        """,
    "partial continue and break": """
        def f(a, b, log):
            for i in range(5):
                if i > a:
                    if i == b:
                        continue
                    if i > b + 1:
                        break
                    log.append("x")
                else:
                    log.append("y")
                log.append(i)
            return i
        """,
    "while True": """
        def f(a, b, log):
            while True:
                a += 1
                if a == 2:
                    continue
                if a > 3:
                    if b:
                        return a
                    break
                log.append(a)
            else:
                log.append("never")
            return -a
        """,
    "while True without break": """
        def f(a, b, log):
            while 1:
                a += 1
                if a > b:
                    return a
            log.append("never")
        """,
    "both branches return": """
        def f(a, b, log):
            if a > b:
                return 1
            else:
                return 2
            log.append("never")
            return 3
        """,
    "code after return": """
        def f(a, b, log):
            return a
            return b
        """,
    "only some branches return": """
        def f(a, b, log):
            if a == 0:
                return "a"
            elif b == 0:
                log.append("b")
            elif a == b:
                return
            else:
                for i in range(a):
                    if i == b:
                        return i
        """,
    "short circuit of a left while": """
        def f(a, b, log):
            while log.append(a) is None and a < 4:
                a += 1
                if a == b:
                    break
            return a
        """,
    "raise": """
        def f(a, b, log):
            if a == 0:
                return "zero"
            elif b == 0:
                if a == 2:
                    raise ValueError("two")
                log.append("b")
            elif a == 3:
                raise ValueError("three")
            else:
                for i in range(a):
                    if i == b:
                        raise ValueError("four")
                    if i == 2:
                        break
                else:
                    raise ValueError("five")
            return a
        """,
    "ends in raise": """
        def f(a, b, log):
            for i in range(a):
                if i == b:
                    return i
            raise ValueError("no")
        """,
    "loop inside a branch that returns": """
        def f(a, b, log):
            if a:
                for i in range(b):
                    if i == a:
                        return "in"
                    log.append(i)
            else:
                log.append("else")
                if b == 2:
                    return "two"
            log.append("rest")
            for i in range(b):
                if i == 1:
                    continue
                log.append(i)
        """,
}


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    same(CASES[case], *itertools.product(range(5), range(4)))


class Programs:
    """Random functions of a and b that log what they do; every loop ends, since turns are counted."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.loops = 0
        self.marks = 0

    def function(self):
        return "def f(a, b, log):\n" + self.block(1, 0, "    ") + self.random.choice(["", "    return 'end'\n"])

    def condition(self):
        return self.random.choice(
            ["a > b", "a == b", "(a + b) % 2 == 0", "len(log) % 3 == 1", "len(log) > 6", "a % 3 == 0", "b % 2"]
        )

    def block(self, depth, in_loop, indent):
        count = self.random.choice([1, 1, 2, 2, 3])
        return "".join(self.statement(depth, in_loop, indent) for _ in range(count))

    def statement(self, depth, in_loop, indent):
        kinds = ["mark", "step", "return"] + ["if"] * 4 * (depth < 5) + ["for", "while"] * 2 * (depth < 4)
        kinds += ["break", "continue"] * 2 * in_loop
        kind, deeper = self.random.choice(kinds), indent + "    "
        match kind:
            case "mark":
                self.marks += 1
                return f"{indent}log.append({self.marks})\n"
            case "step":
                return f"{indent}a, b = b, a + 1\n"
            case "return":
                return f"{indent}return{self.random.choice(['', ' a', ' (a, b)', ' len(log)'])}\n"
            case "break" | "continue":
                return f"{indent}{kind}\n"
            case "if":
                text = f"{indent}if {self.condition()}:\n{self.block(depth + 1, in_loop, deeper)}"
                while self.random.random() < 0.25:
                    text += f"{indent}elif {self.condition()}:\n{self.block(depth + 1, in_loop, deeper)}"
                if self.random.random() < 0.4:
                    text += f"{indent}else:\n{self.block(depth + 1, in_loop, deeper)}"
                return text
            case "for":
                self.loops += 1
                text = f"{indent}for i{self.loops} in range({self.random.choice(['a % 4', 'b % 3', '3'])}):\n"
                text += f"{deeper}log.append(i{self.loops})\n"
            case "while":
                self.loops += 1
                turns = f"n{self.loops}"
                test = self.random.choice(["{0} < 3", "{0} < a % 5", "{0} < 4 and b % 5"]).format(turns)
                text = f"{indent}{turns} = 0\n"
                if self.random.random() < 0.3:
                    text += f"{indent}while True:\n{deeper}{turns} += 1\n{deeper}if {turns} > 3:\n{deeper}    break\n"
                else:
                    text += f"{indent}while {test}:\n{deeper}{turns} += 1\n"
        text += self.block(depth + 1, True, deeper)
        if self.random.random() < 0.4:
            text += f"{indent}else:\n{self.block(depth + 1, in_loop, deeper)}"
        return text


@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed):
    for n in range(10):
        same(Programs(1000 * seed + n).function(), *itertools.product(range(4), range(3)))


def test_flags_that_are_made_are_read():
    for seed in range(100):
        out = transformed(Programs(seed).function())
        flags = ("returned", "stopped", "skipped")
        names = [n for n in gast.walk(out) if isinstance(n, gast.Name) and n.id.startswith(flags)]
        written = {n.id for n in names if isinstance(n.ctx, gast.Store)}
        read = {n.id for n in names if isinstance(n.ctx, gast.Load)}
        read |= {n.exit_flag for n in gast.walk(out) if hasattr(n, "exit_flag")}
        assert written == read


INSIDE = ["if True:", "with np.errstate(all='ignore'):", "with Scope() as q:", "with made():", "try:"]


@pytest.mark.parametrize("head", INSIDE)
def test_an_inner_loop_that_is_left_begins_anew(head):
    """The flag that says that a loop was left is of one iteration of the loop around."""
    text = f"""
def f(x, y):
    s = 0.0
    {head}
        for k in range(3):
            for j in range(4):
                s += x[k] * y[j]
                if y[j] > 0.8:
                    break
            else:
                s += 100.0
            for j in range(4):
                if y[j] > 0.8:
                    continue
                s += y[j]
{"    finally:" if head == "try:" else "    if True:"}
        pass
    return s
"""

    class Scope:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    made = contextlib.contextmanager(function_of("def f():\n    yield\n", {}))
    f = function_of(text, {"Scope": Scope, "made": made})
    assert outcome(f) == "right"


def test_source_is_its_own_doctest():
    import doctest

    import srcad.frontend.syntax.control_exits
    import srcad.frontend.syntax.structured_exits

    assert inspect.getdoc(srcad.frontend.syntax.structured_exits)
    assert doctest.testmod(srcad.frontend.syntax.structured_exits).failed == 0
    assert doctest.testmod(srcad.frontend.syntax.control_exits).failed == 0
