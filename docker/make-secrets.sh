#!/bin/sh
# Makes the secrets of compose.yaml, each once:  docker/make-secrets.sh [FOLDER]
# The folder is for you alone; its files can be read in the containers, whose user is another.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # NAME: what comes in, unless there is a file of this name
  [ -e "$folder/$1" ] || { cat >"$folder/$1.new" && mv "$folder/$1.new" "$folder/$1"; }
  chmod 444 "$folder/$1"
}
random() {
  head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n'
}

for name in ray_token postgres_password mlflow_password mlflow_secret_key; do
  random | keep "$name"
done
{
  echo '[mlflow]'
  echo 'mlflow_tracking_username = admin'
  echo "mlflow_tracking_password = $(cat "$folder/mlflow_password")"
} | keep mlflow_credentials
