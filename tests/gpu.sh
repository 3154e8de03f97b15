#!/usr/bin/env bash
# What only a GPU can show: device functions and kernels there against the CPU, and their times. Under five minutes.
# Where there is no GPU, or no numba-cuda, it says so and succeeds.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
export SRCAD_CACHE_DIR="${SRCAD_CACHE_DIR:-$(mktemp -d)}"
unset NUMBA_ENABLE_CUDASIM

"${PYTHON:-python3}" -W ignore -m tests.gpu "$@"
