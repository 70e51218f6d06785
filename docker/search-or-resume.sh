#!/bin/sh
# Starts a study on the Ray cluster of this node, or goes on with it: what a cluster that
# restarts jobs should run.
#   search-or-resume.sh NAME SPACE [OPTION...]   options of `evoact search`, for its start
# Studies lie in $RUNS_DIR, by default runs. $EVOACT_TRACKING, if set, is tracking.mlflow.
set -eu

if [ $# -lt 2 ]; then
  echo "usage: $0 NAME SPACE [OPTION...]" >&2
  exit 2
fi
name=$1 space=$2
shift 2
runs=${RUNS_DIR:-runs}
if [ -e "$runs/$name/journal.jsonl" ]; then
  exec evoact resume "$runs/$name" --address auto
fi
if [ -n "${EVOACT_TRACKING:-}" ]; then
  set -- --set "tracking.mlflow=$EVOACT_TRACKING" "$@"
fi
exec evoact search "$space" --name "$name" --runs-dir "$runs" --address auto "$@"
