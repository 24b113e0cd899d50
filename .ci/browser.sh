#!/usr/bin/env bash
# Puts Debian's Chromium and its driver on the machine, where that is possible.
set -euo pipefail
command -v chromedriver >/dev/null && exit 0
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "Chromium left out: install chromium and chromium-driver for the browser tests"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null
