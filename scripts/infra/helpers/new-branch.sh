#!/bin/sh
# Begins a branch for a change of the infra registry, from a main that is up to date.
set -eu
exec "$(dirname -- "$0")/../ogr.sh" infra new-branch "$@"
