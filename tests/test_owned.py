"""Files that `save` and `build` write run in their compiled form, wherever they are imported from."""

import os
import shutil
import stat
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

import srcad
from srcad.backend.modules.source_digest import code_digest


def decay(x, rate, steps):
    """Of numbers, which compile in half the time of `of_arrays`, the same."""
    total = 0.0
    for i in range(len(x)):
        y = x[i]
        for _ in range(steps):
            y = y - rate * np.sin(y)
            total += y * y
    return total


def of_arrays(x, rate, steps):
    total = 0.0
    for _ in range(steps):
        x = x - rate * np.sin(x)
        total += np.sum(x * x)
    return total


X = np.linspace(0.1, 2.0, 12)
CALL = "import numpy as np\nd_x, d_rate = decay_grad(np.linspace(0.1, 2.0, 12), 0.3, 5)\nprint(d_x.sum(), d_rate)\n"


@pytest.fixture(scope="module")
def right():
    d_x, d_rate = srcad.grad(decay, ("x", "rate"), target="python")(X, 0.3, 5)
    return [d_x.sum(), d_rate]


@pytest.fixture
def folder(tmp_path):
    return saved(tmp_path / "made")


def saved(folder, function=decay, **options):
    folder.mkdir()
    df = srcad.grad(function, ("x", "rate"), **options)
    df.source_for(X, 0.3, 5)
    df.save(folder / "decay_grad.py")
    return folder


def numbers(code, cwd, **environment):
    """What code prints, in a process that has no srcad."""
    head = "import sys\nsys.modules['srcad'] = None\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + textwrap.dedent(code)],
        cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [float(part) for part in done.stdout.split()]


FORM = "assert type(decay_grad).__name__ == '_Form', type(decay_grad)\n"


def test_as_a_module(folder, right):
    assert numbers("from decay_grad import decay_grad\n" + FORM + CALL, folder) == pytest.approx(right)


def test_of_arrays(tmp_path, right):
    code = "from decay_grad import of_arrays_grad as decay_grad\n" + FORM + CALL
    assert numbers(code, saved(tmp_path / "made", of_arrays)) == pytest.approx(right)


def test_by_its_path(folder, right, tmp_path):
    code = f"""
    import importlib.util as u
    s = u.spec_from_file_location('other', {str(folder / "decay_grad.py")!r})
    m = u.module_from_spec(s)
    s.loader.exec_module(m)
    decay_grad = m.decay_grad
    """
    assert numbers(textwrap.dedent(code) + FORM + CALL, tmp_path) == pytest.approx(right)


def test_as_a_script(folder, right):
    code = "import runpy\ndecay_grad = runpy.run_path('decay_grad.py')['decay_grad']\n"
    assert numbers(code + FORM + CALL, folder) == pytest.approx(right)
    text = (folder / "decay_grad.py").read_text()
    (folder / "decay_grad.py").write_text(text + "\nif __name__ == '__main__':\n" + textwrap.indent(CALL, "    "))
    with pytest.raises(AssertionError, match="edited since its compiled form"):  # an added statement is an edit
        numbers("import runpy\nrunpy.run_path('decay_grad.py', run_name='__main__')\n", folder)


def test_in_a_package(folder, right, tmp_path):
    shutil.copytree(folder, tmp_path / "package.of.mine" / "model" / "gradients")
    (tmp_path / "package.of.mine" / "model" / "__init__.py").write_text("")
    code = "from model.gradients.decay_grad import decay_grad\n" + FORM + CALL
    assert numbers(code, tmp_path / "package.of.mine") == pytest.approx(right)


def test_in_a_zip_file(folder, right, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in folder.rglob("*.py"):
            archive.write(path, f"model/{path.relative_to(folder)}")
        archive.writestr("model/__init__.py", "")
    code = "sys.path.insert(0, 'all.zip')\nfrom model.decay_grad import decay_grad\n" + FORM + CALL
    assert numbers(code, tmp_path) == pytest.approx(right)


def test_two_folders_do_not_share_forms(folder, tmp_path):
    other = saved(tmp_path / "other", fastmath=True)
    code = f"""
    from decay_grad import decay_grad
    sys.path[0] = {str(other)!r}
    del sys.modules['decay_grad']
    from decay_grad import decay_grad as fast
    print(decay_grad.form.FASTMATH, fast.form.FASTMATH)
    """
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + textwrap.dedent(code)], cwd=folder, capture_output=True
    )
    assert done.stdout.decode().split() == ["False", "True"], done.stderr


def test_alone_it_is_compiled_as_it_stands(folder, right):
    shutil.rmtree(folder / "_machine")
    code = "from decay_grad import decay_grad\nassert type(decay_grad).__name__ == 'CPUDispatcher'\n" + CALL
    assert numbers(code, folder) == pytest.approx(right)


def test_an_edited_text_runs_as_it_stands_and_says_so(folder, right):
    path = folder / "decay_grad.py"
    path.write_text(path.read_text().replace("return d_x, d_rate", "return 2.0 * d_x, d_rate"))
    code = "import warnings\nwarnings.simplefilter('ignore')\nfrom decay_grad import decay_grad\n" + CALL
    assert numbers(code, folder) == pytest.approx([2.0 * right[0], right[1]])
    with pytest.raises(AssertionError, match="decay_grad.py was edited since its compiled form was made"):
        numbers("from decay_grad import decay_grad\n" + CALL, folder)


@pytest.fixture
def by_another_version(folder, tmp_path):
    """A folder as of a version of srcad whose modules in `_support` are others."""
    from srcad.compiler import machine_folder

    made, copy = machine_folder, machine_folder._copy
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made, "_copy", lambda module: copy(module) + "\n# another version\n")
        for kept in (made._modules, made._package, made._support):
            kept.cache_clear()
        other = saved(tmp_path / "by_another_version")
    for kept in (made._modules, made._package, made._support):
        kept.cache_clear()
    return other


def test_a_file_does_not_change_with_the_version_of_srcad(folder, by_another_version, right):
    name = "decay_grad.py"
    assert (folder / name).read_bytes() == (by_another_version / name).read_bytes()
    assert (folder / "_machine" / name).read_bytes() != (by_another_version / "_machine" / name).read_bytes()
    other = f"sys.path[0] = {str(by_another_version)!r}\ndel sys.modules['decay_grad']\n"
    use = "from decay_grad import decay_grad\n" + FORM + CALL
    # both in one process: each has its own modules
    modules = "assert len({m.split('.')[0] for m in sys.modules if m.startswith('srcad_forms_')}) == 2\n"
    assert numbers(use + other + use + modules, folder) == pytest.approx([*right, *right])


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("what", ["the form", "what it needs"])
def test_a_form_of_another_version_does_not_run_silently(folder, by_another_version, right, what):
    """As where a merge takes a part of `_machine` from one side and the rest from the other."""
    ours, theirs = folder / "_machine", by_another_version / "_machine"
    if what == "the form":
        shutil.copy(theirs / "decay_grad.py", ours / "decay_grad.py")
    else:
        shutil.copytree(theirs / "_support", ours / "_support", dirs_exist_ok=True)
        shutil.copy(theirs / "__init__.py", ours / "__init__.py")
    use = "from decay_grad import decay_grad\nassert type(decay_grad).__name__ == 'CPUDispatcher'\n" + CALL
    quiet = "import warnings\nwarnings.simplefilter('ignore')\n"
    assert numbers(quiet + use, folder) == pytest.approx(right)
    with pytest.raises(AssertionError, match="decay_grad.py has a compiled form of another version of srcad"):
        numbers(use, folder)


@pytest.mark.one_in(8, least=1)
@pytest.mark.parametrize("lost", ["_support", "_support/target.py", "_support/runtime.py"])
def test_a_folder_that_is_not_complete_is_not_used_silently(folder, right, lost):
    """As where a packager takes the files of `_machine`, and not what lies below."""
    place = folder / "_machine" / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    use = "from decay_grad import decay_grad\nassert type(decay_grad).__name__ == 'CPUDispatcher'\n" + CALL
    assert numbers("import warnings\nwarnings.simplefilter('ignore')\n" + use, folder) == pytest.approx(right)
    with pytest.raises(AssertionError, match="_machine is not complete: what lies beside it runs slower"):
        numbers(use, folder)


def test_what_a_formatter_and_a_commentator_do_is_no_edit(folder, right):
    path = folder / "decay_grad.py"
    text = path.read_text().replace("d_rate = 0.0", "d_rate = (\n        0.0  # ours\n    )")
    assert code_digest(text) == code_digest(path.read_text()) and text != path.read_text()
    path.write_text(text)
    assert numbers("from decay_grad import decay_grad\n" + FORM + CALL, folder) == pytest.approx(right)


def test_types_are_asked_for(tmp_path):
    code = """
    from decay_grad import of_arrays_grad as decay_grad
    import numpy as np
    for args in ((np.ones(12, np.float32), 0.3, 5), (np.ones((12, 2)), 0.3, 5), (1.0, 0.3, 5), (np.ones(12), 1, 5),
                 (np.ones(12), 0.3, 5.0), (np.ones(12), 0.3, 5, 1)):
        try:
            decay_grad(*args)
        except TypeError as error:
            assert str(error).startswith("of_arrays_grad takes x: float64[::1], rate: float64, steps: int64"), error
        else:
            raise AssertionError(args)
    print(decay_grad(np.ones(24)[:12], np.float64(0.3), np.int64(5))[1])
    """
    assert len(numbers(code, saved(tmp_path / "made", of_arrays))) == 1


def test_from_compiled_code(folder, right):
    code = """
    from numba import njit
    from decay_grad import decay_grad
    @njit
    def both(x):
        d_x, d_rate = decay_grad(x, 0.3, 5)
        return d_x.sum(), d_rate
    import numpy as np
    print(*both(np.linspace(0.1, 2.0, 12)))
    """
    assert numbers(code, folder) == pytest.approx(right)


def test_uncompiled(folder, right):
    code = "from decay_grad import decay_grad\nassert type(decay_grad).__name__ == 'function'\n" + CALL
    assert numbers(code, folder, NUMBA_DISABLE_JIT="1") == pytest.approx(right)


def test_the_second_process_starts_warm(folder, right):
    code = "from decay_grad import decay_grad\n" + CALL
    assert numbers(code, folder) == pytest.approx(right)
    more = "print(sum(decay_grad.stats.cache_hits.values()), sum(decay_grad.stats.cache_misses.values()))\n"
    assert numbers(code + more, folder)[2:] == [1.0, 0.0]


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0 and not shutil.which("setpriv"), reason="needs permissions")
def test_from_a_folder_that_nobody_may_write_to(folder, right, tmp_path):
    for path in (folder, folder / "_machine", folder / "_machine" / "_support"):
        path.chmod(stat.S_IRUSR | stat.S_IXUSR | stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH)
    code = "from decay_grad import decay_grad\n" + FORM + CALL
    home = tmp_path / "home"
    home.mkdir()
    assert numbers(code, folder, HOME=str(home), XDG_CACHE_HOME=str(home)) == pytest.approx(right)


def test_it_is_read_again(folder, right):
    d_x, d_rate = srcad.load(folder / "decay_grad.py")(X, 0.3, 5)
    assert [d_x.sum(), d_rate] == pytest.approx(right)


def test_no_form_is_written_where_nothing_is_compiled(tmp_path):
    folder = saved(tmp_path / "plain", target="python")
    assert [path.name for path in folder.iterdir()] == ["decay_grad.py"]
    assert "_machine" not in (folder / "decay_grad.py").read_text()


def weighted(x, w):
    total = 0.0
    for i in range(len(x)):
        total += w * x[i] * x[i]
    return total


def same_form(text, generated, options):
    from srcad.compiler.rereading import reread

    return reread(text, generated, options).machine_code()


def test_an_edited_text_is_compiled_as_it_is_read():
    df = srcad.grad(weighted, "w")
    shipment = df.specialisation(X, 0.3).shipment()
    assert "d_w = plus(d_w, " in shipment.generated.machine_code()
    assert "d_w = plus(d_w, " in same_form(shipment.text, shipment.generated, df.options)
    # the order of a sum is free where srcad wrote the statement; a person's statement keeps it
    (line,) = [line for line in shipment.text.splitlines() if line.strip().startswith("d_w +=")]
    edited = shipment.text.replace(line, f"{line} * 1.0")
    assert "plus(" not in same_form(edited, shipment.generated, df.options)


def test_an_edited_text_with_other_parameters_is_refused():
    df = srcad.grad(decay, ("x", "rate"))
    shipment = df.specialisation(X, 0.3, 5).shipment()
    edited = shipment.text.replace("x, rate, steps", "x, steps, rate")
    with pytest.raises(srcad.CompileError, match="S506: decay_grad takes x, steps, rate, d_result in its file"):
        same_form(edited, shipment.generated, df.options)


def test_texts_are_taken_for_functions():
    text = srcad.grad(decay, "x", target="python").source_for(X, 0.3, 5)
    assert srcad.jit(text, target="python")(X, 0.3, 5) == pytest.approx(srcad.grad(decay, target="python")(X, 0.3, 5))
    hessian = srcad.jacobian(text, target="python")(X, 0.3, 5)
    h = 1e-6
    for at in (0, 7):
        step = h * np.eye(len(X))[at]
        gradient = srcad.grad(decay, target="python")
        difference = (gradient(X + step, 0.3, 5) - gradient(X - step, 0.3, 5)) / (2 * h)
        np.testing.assert_allclose(hessian[at], difference, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = ", "S318: the text is no Python: invalid syntax"),
        ("x = 1", "defines no function"),
        ("def f(x):\n    return x\n\ndef g(x):\n    return x\n", "defines f and g"),
        ("raise ValueError('a')", "cannot be imported: ValueError: a"),
    ],
)
def test_texts_without_the_one_function(text, said):
    with pytest.raises(srcad.ArgumentError, match=said):
        srcad.grad(text)
