"""The functions that a program for a device has beside its kernels: texts that are printed where they are used."""

from __future__ import annotations

import re

BLOCKS = '''
THREADS = 128  # of a block, a power of two
MOST_BLOCKS = 2048


def blocks_of(iterations):
    """How many blocks run so many iterations. Nothing else decides that, so equal calls add up in the same order."""
    return min(max(-(-iterations // THREADS), 1), MOST_BLOCKS)
'''

_FEWER = '''
MOST_ELEMENTS = 2**25  # that all threads have of their own


def fewer_blocks_of(iterations, elements):
    """How many blocks run so many iterations, where each thread has so many elements of its own."""
    return max(min(blocks_of(iterations), MOST_ELEMENTS // (THREADS * max(elements, 1))), 1)
'''

_THREADS = """
def threads_in(blocks):
    return blocks * THREADS
"""

_COPIED = """
def copied(array, stream):
    new = cuda.device_array(array.shape, array.dtype, stream=stream)
    new[:] = array
    return new
"""

_BLOCK_SUM = '''
@cuda.jit(device=True)
def block_sum_DTYPE(value, sums, row, column):
    """The sum over the threads of a block, in the order of a tree, is stored in sums[row, column]."""
    part = cuda.shared.array(THREADS, np.DTYPE)
    thread = cuda.threadIdx.x
    part[thread] = value
    cuda.syncthreads()
    half = THREADS // 2
    while half > 0:
        if thread < half:
            part[thread] += part[thread + half]
        cuda.syncthreads()
        half //= 2
    if thread == 0:
        sums[row, column] = part[0]
    cuda.syncthreads()  # before the next sum


@cuda.jit
def add_up_DTYPE(parts, sums):
    """A block for each row: the sum of the parts."""
    value = parts.dtype.type(0)
    for block in range(cuda.threadIdx.x, parts.shape[1], THREADS):
        value += parts[cuda.blockIdx.x, block]
    block_sum_DTYPE(value, sums, cuda.blockIdx.x, 0)
'''.replace("parts.dtype.type(0)", "np.DTYPE(0)")

_SUMS_OF = '''
def sums_of(parts, stream):
    """The sum of each row of the parts, on the host; the host waits for it."""
    rows, blocks = parts.shape
    if blocks > 1:
        sums = cuda.device_array((rows, 1), parts.dtype, stream=stream)
        ADD_UP[parts.dtype.name][rows, THREADS, stream](parts, sums)
        parts = sums
    return to_host(parts, stream)[:, 0]
'''

_ZEROS = """
def zeros(shape, dtype=np.float64, stream=0):
    return cuda.to_device(np.zeros(shape, dtype), stream=stream)
"""

_TO_HOST = """
def to_host(array, stream):
    found = array.copy_to_host(stream=stream)
    if stream:
        stream.synchronize()
    return found
"""

_NO_ERROR = '''
def no_error(length, stream):
    """What kernels tell the host of an error: its number, and its values."""
    return cuda.to_device(np.zeros(length, np.int64), stream=stream)
'''

_TRANSPOSED = '''
def transposed(array, axes=None):
    """A view with the axes in this order, or reversed. The transposes that Numba has are copies."""
    axes = range(array.ndim)[::-1] if axes is None else axes
    if not hasattr(array, "gpu_data"):  # in the simulator
        return array.transpose(tuple(axes))
    shape, strides = zip(*((array.shape[axis], array.strides[axis]) for axis in axes))
    return type(array)(shape, strides, array.dtype, array.stream, array.gpu_data)
'''

_MATMUL = '''
def matmul(a, b, stream):
    """The product of two arrays, by cuBLAS."""
    with cp.cuda.ExternalStream(int(stream)) if stream else cp.cuda.Stream.null:
        return cuda.as_cuda_array(cp.matmul(cp.asarray(a), cp.asarray(b)), sync=False)
'''


def helpers_for(text: str) -> list[str]:
    """The functions that the text calls, and those that these call, each after what it calls.

    >>> [re.findall(r"def (\\w+)", one) for one in helpers_for("x = to_host(y, stream)")]
    [['to_host']]
    """
    used = {*re.findall(r"\b\w+\b", text)}
    dtypes = sorted({name.removeprefix("block_sum_") for name in used if name.startswith("block_sum_")})
    found: list[str] = []
    for name, helper in (("blocks_of", BLOCKS), ("fewer_blocks_of", _FEWER), ("threads_in", _THREADS)):
        if name in used or (name == "blocks_of" and "fewer_blocks_of" in used):
            found.append(helper)
    if "copied" in used:
        found.append(_COPIED)
    if re.search(r"(?<!\.)\bzeros\(", text):
        found.append(_ZEROS)
    if used & {"to_host", "sums_of"}:
        found.append(_TO_HOST)
    if "no_error" in used:
        found.append(_NO_ERROR)
    if dtypes:
        found += [_BLOCK_SUM.replace("DTYPE", dtype) for dtype in dtypes]
        found.append(f"ADD_UP = {{{', '.join(f'{dtype!r}: add_up_{dtype}' for dtype in dtypes)}}}".replace("'", '"'))
        found.append(_SUMS_OF)
    if "transposed" in used:
        found.append(_TRANSPOSED)
    if "matmul" in used:
        found.append(_MATMUL)
    return [one.strip("\n") for one in found]
