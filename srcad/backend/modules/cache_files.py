"""The content-addressed cache of generated modules: real files, for tracebacks, debuggers and Numba's cache.

The folder belongs to the user alone (mode 0700): anyone who may write to it decides what the next process runs.
A file is named after a digest of its content and never modified.

>>> store("double", "def double(x):\\n    return 2.0 * x\\n", keep=False).name
'double_702f9a8a5316b83f.py'
"""

from __future__ import annotations

import atexit
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
import warnings
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from srcad.errors import fail


def store(name: str, text: str, *also: str, keep: bool = True) -> Path:
    """The path of the file with this text, which is written if it does not exist.

    `also` are further parts of the key (versions, options). With `keep`, the file is for later processes too; otherwise
    it may be in a temporary folder of this process. Raises S503 where no file can be written.
    """
    digest = hashlib.sha256("\0".join((text, *also)).encode()).hexdigest()[:16]
    path = folder(keep) / f"{name}_{digest}.py"
    try:
        if path.read_text(encoding="utf-8") == text:
            return path
    except (OSError, UnicodeDecodeError):
        pass
    write_atomically(path, text)
    return path


_DRAFTS = ".draft-*.py"


def write_atomically(path: Path, text: str) -> None:
    """Write a file atomically, with the mode of the file it replaces, or that of the umask."""
    path = Path(os.path.realpath(path))  # a symbolic link is kept
    try:
        for tries_left in (2, 1, 0):
            draft = _draft(path, text)
            try:
                os.replace(draft, path)
                return
            except BaseException as fault:
                draft.unlink(missing_ok=True)
                # a build that begins meanwhile takes the draft for one that was left
                if not isinstance(fault, FileNotFoundError) or not tries_left:
                    raise
    except OSError as fault:
        fail("S503", f"{path} cannot be written ({fault.strerror})", advice="write to a folder that is yours.")


def _draft(path: Path, text: str) -> Path:
    """A file beside `path` with the text."""
    draft = path.with_name(_DRAFTS.replace("*", secrets.token_hex(8)))
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            if path.exists():
                os.chmod(draft, stat.S_IMODE(path.stat().st_mode))
            out.write(text)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return draft


def remove_drafts(folder: Path, below: str) -> None:
    """Remove what killed processes have left in a folder, and in the one `below` and all in it.

    Who has one in use writes another.
    """
    for pattern in (_DRAFTS, f"{below}/**/{_DRAFTS}"):
        for draft in folder.glob(pattern):
            with suppress(OSError):
                draft.unlink()


# ---- the folder -----------------------------------------------------------------------------------


def folder(keep: bool) -> Path:
    """`$SRCAD_CACHE_DIR`, else `$XDG_CACHE_HOME/srcad`, else `~/.cache/srcad`; created if missing.

    Where it cannot be written to: a temporary folder of this process, but S503 if it was chosen and `keep`.
    """
    chosen = os.environ.get("SRCAD_CACHE_DIR")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    fault = _unusable(chosen or os.path.join(base, "srcad"))
    if fault is None:
        return _private(chosen or os.path.join(base, "srcad"))
    if not keep:
        return _temporary(os.getpid())
    if chosen:
        fail("S503", f"the cache folder {fault}", advice="set SRCAD_CACHE_DIR to another, or use cache=False.")
    _warn(fault)
    return _temporary(os.getpid())


@lru_cache(maxsize=1)
def _warn(fault: str) -> None:
    advice = "Set SRCAD_CACHE_DIR to a folder that can be written to, or use cache=False."
    warnings.warn(f"srcad compiles anew in each process: the cache folder {fault}. {advice}", stacklevel=2)


def _unusable(chosen: str) -> str | None:
    try:
        _private(chosen)
    except OSError as fault:
        return f"{Path(chosen).absolute()} cannot be used ({fault.strerror})"
    return None


@lru_cache(maxsize=8)
def _private(chosen: str) -> Path:
    """The folder; where it exists and others may write to it, a private folder inside it."""
    folder = Path(chosen).absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if hasattr(os, "getuid"):
        state = folder.stat()
        if state.st_uid != os.getuid() or state.st_mode & 0o022:
            folder = folder / f"srcad-{os.getuid()}"
            folder.mkdir(mode=0o700, exist_ok=True)
            state = folder.lstat()
            if state.st_uid != os.getuid() or state.st_mode & 0o022 or not stat.S_ISDIR(state.st_mode):
                raise PermissionError(None, "somebody else may write to it")
    handle, probe = tempfile.mkstemp(dir=folder)  # permissions do not show that a file system is read-only
    os.close(handle)
    os.unlink(probe)
    return folder


@lru_cache(maxsize=1)
def _temporary(process: int) -> Path:
    """A folder of this process, removed when it ends. A forked process has its own."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="srcad-"))
    except OSError as fault:
        fail("S503", f"no file can be written, not even a temporary one ({fault.strerror})", advice="set TMPDIR.")
    atexit.register(_remove, folder, process)
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
