#!/bin/sh
# Changes the infra registry of the current checkout. It writes local files only, and opens no connection.
#
#   infra.sh register <org>/<repo> --context <sandbox|production> [--telemetry-repo <org>/<repo>] [--reason <text>]
#   infra.sh disable <org>/<repo> [--reason <text>]
#   infra.sh enable <org>/<repo> [--reason <text>]
#   infra.sh unregister <org>/<repo> --confirm-delete [--reason <text>]
set -eu
case "${1-}" in
  register | disable | enable | unregister) exec "$(dirname -- "$0")/ogr.sh" infra "$@" ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0" ;;
  *)
    echo "infra.sh: write register, disable, enable or unregister (--help says more)." >&2
    exit 2
    ;;
esac
