#!/bin/sh
# Checks a change of the infra registry as a whole, and stages it; required before committing.
set -eu
exec "$(dirname -- "$0")/../ogr.sh" infra finalize "$@"
