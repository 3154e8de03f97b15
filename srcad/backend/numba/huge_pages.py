"""Huge pages for large arrays of compiled code, as NumPy asks for them.

An array of 32 MB and more has fresh memory at each call, and the system sets up a page of it when it is first written
to: for pages of 4 KB that takes several times as long as writing. Linux gives pages of 2 MB where a program asks for
them (madvise(2), MADV_HUGEPAGE; "madvise" in /sys/kernel/mm/transparent_hugepage/enabled). NumPy does for 4 MB and
more.

Importing this imports Numba.
"""

from __future__ import annotations

import mmap
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]

_LEAST = 2**22
"""The bytes from which on an array asks for huge pages."""

_ADVICE = getattr(mmap, "MADV_HUGEPAGE", None)


def ask_for_huge_pages(builder: Any, data: Any, size: Any) -> None:
    """Emit the request for a new array of an address and a number of bytes; nothing where the system has none."""
    if _ADVICE is not None:
        builder.call(_request(builder.module, data.type, size.type), [data, size])


def _request(module: Any, pointer: Any, integer: Any) -> Any:
    """The function that asks for huge pages if an array is large, once for a module.

    It is a function so that it leaves the code around an allocation without branches, and it is not inlined. It calls
    the C library by its name, which any process finds that loads the machine code from a cache.
    """
    name = "srcad_huge_pages"
    if name in module.globals:
        return module.globals[name]
    void = ir.VoidType()
    request = ir.Function(module, ir.FunctionType(void, [pointer, integer]), name)
    request.linkage = "internal"
    request.attributes.add("noinline")
    request.attributes.add("nounwind")
    advise = ir.Function(module, ir.FunctionType(ir.IntType(32), [integer, integer, ir.IntType(32)]), "madvise")
    data, size = request.args
    builder = ir.IRBuilder(request.append_basic_block())
    with builder.if_then(builder.icmp_unsigned(">=", size, integer(_LEAST)), likely=False):
        address = builder.ptrtoint(data, integer)
        begin = builder.and_(builder.add(address, integer(mmap.PAGESIZE - 1)), integer(-mmap.PAGESIZE))
        length = builder.sub(builder.add(address, size), begin)
        builder.call(advise, [begin, length, ir.IntType(32)(_ADVICE)])
    builder.ret_void()
    return request
