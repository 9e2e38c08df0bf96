#!/usr/bin/env bash
# Is the process behind a port of this machine alive? Needs nothing but bash, so that an image needs no client of HTTP.
#
#   healthcheck 8080
set -euo pipefail

port=$1
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nConnection: close\r\n\r\n' "$port" >&3
read -r -t 4 _ status _ <&3
[ "$status" = 200 ]
