#!/bin/sh
# A backend for rebuilderd's workers that rebuilds wheels of a signed wheelhouse.
#
# rebuilderd starts it with the file it fetched as the only argument and compares what it
# finds in REBUILDERD_OUTDIR with that file, bit for bit. Here lies a rebuilt wheel that
# has the signed digest, and nothing otherwise: GOOD then says that the fetched file is
# the signed one and that its sdist gives these bytes. Everything else is BAD; the log has
# the cause.
#
# The wheelhouse is named in WHEELPROOF_WHEELHOUSE, in the environment of the worker.
set -eu
wheel=${1:?the worker names the wheel}
: "${REBUILDERD_OUTDIR:?rebuilderd sets it}"
: "${WHEELPROOF_WHEELHOUSE:?set it in the environment of the worker}"
exec "${WHEELPROOF:-wheelproof}" rebuild "$WHEELPROOF_WHEELHOUSE" "$(basename "$wheel")" \
    --jobs 1 --keep "$REBUILDERD_OUTDIR"
