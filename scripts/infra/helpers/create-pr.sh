#!/bin/sh
# Opens the review of the current branch.
set -eu
exec "$(dirname -- "$0")/../ogr.sh" infra create-pr "$@"
