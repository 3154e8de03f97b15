"""Generated text lives in real files, so that tracebacks and debuggers show it and Numba's cache finds it again.

The folder belongs to the user alone (mode 0700): whoever may write to it decides what the next process runs.
A file is named after its content and never changes once it is there.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from functools import lru_cache
from pathlib import Path

from srcad.errors import fail


def cache_folder() -> Path:
    """`$SRCAD_CACHE_DIR`, else `$XDG_CACHE_HOME/srcad`, else `~/.cache/srcad`; made where missing."""
    chosen = os.environ.get("SRCAD_CACHE_DIR")
    if not chosen:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
        chosen = os.path.join(base, "srcad")
    return _private(chosen)


@lru_cache(maxsize=8)
def _private(chosen: str) -> Path:
    folder = Path(chosen).absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.stat()
        if hasattr(os, "getuid"):
            if info.st_uid != os.getuid():
                fail("S503", f"the cache folder {folder} belongs to another user", advice="set SRCAD_CACHE_DIR.")
            if stat.S_IMODE(info.st_mode) & 0o077:
                folder.chmod(0o700)
    except OSError as fault:
        fail("S503", f"the cache folder {folder} cannot be used ({fault})", advice="set SRCAD_CACHE_DIR.")
    return folder


def store(name: str, text: str, *also: str) -> Path:
    """The file with this text in the cache folder, written if it is not there yet.

    `also` are things that make two files of the same text different (versions, options).
    """
    digest = hashlib.sha256("\0".join((text, *also)).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}_{digest}.py"
    try:
        if path.read_text(encoding="utf-8") == text:
            return path
    except (OSError, UnicodeDecodeError):
        pass
    write_whole(path, text)
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that no reader ever sees half of it."""
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-", suffix=".py")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
                out.write(text)
            os.replace(draft, path)
        except BaseException:
            os.unlink(draft)
            raise
    except OSError as fault:
        fail("S503", f"{path} cannot be written ({fault})")
