#!/bin/sh
# The browser tests drive Debian's Chromium without its windows: the same engine, half the processor time. Root
# installs it; others are told what will be skipped.
set -eu
command -v chromium-headless-shell >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing chromium-headless-shell for the browser tests ..."
    apt-get update -qq && apt-get install -y -qq chromium-headless-shell >/dev/null
elif ! command -v chromium >/dev/null; then
    echo "No chromium: the browser tests are skipped. As root: 'apt-get install chromium-headless-shell'." >&2
fi
