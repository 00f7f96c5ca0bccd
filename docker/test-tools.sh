#!/usr/bin/env bash
# Install the missing Debian packages that `make test` uses. This step needs root or sudo. Debian's Go is too old for the client
# in tests/clients/golang. If no newer Go is found, a wheel is installed into .cache/go, without root.
set -euo pipefail
cd "$(dirname "$0")/.."
golang=tests/clients/golang
if ! "$golang/build.sh" --find >/dev/null 2>&1; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .cache/go -r "$golang/requirements.lock"
fi

# The tests use hall terminals, two browsers (Firefox needs a sound server; Chromium comes with and without windows), network
# namespaces and a packet filter. They also use a database, a directory, a TURN server, a floor client in C, a mailbox, and a clock
# that a test can change.
packages=(baresip-core baresip-ffmpeg chromium chromium-headless-shell coturn dovecot-imapd faketime ffmpeg firefox-esr gcc iproute2 ldap-utils libc6-dev libre-dev nftables postgresql pulseaudio sip-tester sipvicious slapd)
# Packages for later parts: redis-server espeak-ng.

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=none
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi

root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
        echo "Thiếu gói / packages are missing: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
options=(-y -qq --no-install-recommends -o Dpkg::Use-Pty=0)
if ! "${root[@]}" apt-get install "${options[@]}" "${missing[@]}" >/dev/null 2>&1; then
    "${root[@]}" apt-get update -qq
    "${root[@]}" apt-get install "${options[@]}" "${missing[@]}" >/dev/null
fi
