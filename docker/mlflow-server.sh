#!/bin/sh
# The MLflow server: runs in PostgreSQL (PGHOST, PGPORT, PGUSER), files in a folder.
#   mlflow-server.sh [OPTION...]   options of `mlflow server`, such as --port 5001
# Passwords come from the files that *_FILE name: arguments are seen by all processes.
set -eu

PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
MLFLOW_AUTH_ADMIN_PASSWORD=$(cat "$MLFLOW_PASSWORD_FILE")
MLFLOW_FLASK_SERVER_SECRET_KEY=$(cat "$MLFLOW_SECRET_KEY_FILE")
MLFLOW_AUTH_CONFIG_PATH=$(dirname "$0")/mlflow-auth.ini
export PGPASSWORD MLFLOW_AUTH_ADMIN_PASSWORD MLFLOW_FLASK_SERVER_SECRET_KEY MLFLOW_AUTH_CONFIG_PATH
# Jobs are for evaluations of language models: eight processes more.
export MLFLOW_DISABLE_TELEMETRY=true MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false

# One worker: of several, uvicorn kills those that do not answer within 5 seconds, as they do
# not while they import on a busy machine. Only drivers write, so one is enough.
exec mlflow server \
  --app-name basic-auth \
  --backend-store-uri postgresql+psycopg:///mlflow \
  --artifacts-destination "${ARTIFACTS:-/artifacts}" \
  --serve-artifacts \
  --workers 1 \
  "$@"
