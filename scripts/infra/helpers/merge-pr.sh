#!/bin/sh
# Merges an approved change: by the number of its pull request, or that of the current branch.
set -eu
exec "$(dirname -- "$0")/../ogr.sh" infra merge-pr "$@"
