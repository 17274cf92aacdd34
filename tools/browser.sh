#!/bin/sh
# The browser tests drive Debian's chromium. Root installs it; others are told what will be skipped.
set -eu
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium for the browser tests ..."
    apt-get update -qq && apt-get install -y -qq chromium >/dev/null
else
    echo "No chromium: the browser tests are skipped. As root: 'apt-get install chromium'." >&2
fi
