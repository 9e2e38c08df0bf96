#!/usr/bin/env bash
# Where is the browser that the tests drive? Prints its path; CLIPPER_TEST_CHROMIUM names another.
set -euo pipefail

for name in "${CLIPPER_TEST_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && command -v "$name"; then exit 0; fi
done
exit 1
