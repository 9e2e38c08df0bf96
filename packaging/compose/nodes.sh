#!/bin/sh
# nginx's image runs this before it starts: the edge of packaging/nginx in front of the nodes of compose.yaml.
# Whoever is signed in stays with one node, where a resumable upload goes on; everybody else by address.
set -eu

# shellcheck disable=SC2016 # these are nginx's variables
nodes='hash $remote_addr$http_authorization$cookie_clipper_session consistent; server node-1:8080; server node-2:8080;'
sed "s/server 127\.0\.0\.1:8080;/$nodes/" /etc/clipper/edge.conf >/etc/nginx/conf.d/default.conf
