#!/bin/sh
# Runs `ogr`: that of the clone that this script lies in, else the one on PATH.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
if [ -f "$here/../../bin/ogr.mjs" ]; then exec node "$here/../../bin/ogr.mjs" "$@"; fi
if command -v ogr >/dev/null 2>&1; then exec ogr "$@"; fi
echo "infra: there is no ogr on the PATH; install the package of the Office Git Registry that your organisation keeps (npm install --global FILE-OR-ADDRESS.tgz)." >&2
exit 127
