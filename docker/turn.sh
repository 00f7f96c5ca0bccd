#!/usr/bin/env bash
# Runs coturn as this server wants it: no users but those of the shared secret, and no way to anything but this server's media.
#   DIEMCAU_TURN_SECRET   as turn_secret of the server
#   TURN_PEERS            addresses of the server's media, with blanks between; everything else is refused
#   TURN_CERT, TURN_KEY   certificate chain and key (PEM), for TLS; without them there is none
#   TURN_TOTAL_QUOTA      allocations at a time, 4000 by default
#   TURN_ADDRESS TURN_RELAY_ADDRESS TURN_EXTERNAL TURN_PORT TURN_TLS_PORT TURN_REALM TURN_DIR
set -euo pipefail
umask 077

# The secret must not stand in the list of processes, so there is a file.
folder=${TURN_DIR:-/tmp}
file=$folder/turnserver.conf
{
    echo "use-auth-secret"
    echo "static-auth-secret=${DIEMCAU_TURN_SECRET:?}"
    echo "realm=${TURN_REALM:-diemcau}"
    echo "listening-port=${TURN_PORT:-3478}"
    if [ -n "${TURN_CERT:-}" ]; then
        echo "tls-listening-port=${TURN_TLS_PORT:-443}"
        echo "cert=$TURN_CERT"
        echo "pkey=${TURN_KEY:?}"
    else
        echo "no-tls"
    fi
    if [ -n "${TURN_ADDRESS:-}" ]; then echo "listening-ip=$TURN_ADDRESS"; fi
    if [ -n "${TURN_RELAY_ADDRESS:-}" ]; then echo "relay-ip=$TURN_RELAY_ADDRESS"; fi
    if [ -n "${TURN_EXTERNAL:-}" ]; then echo "external-ip=$TURN_EXTERNAL"; fi
    # Otherwise whoever has credentials of ours could reach the networks behind the relay.
    echo "denied-peer-ip=0.0.0.0-255.255.255.255"
    echo "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    for peer in ${TURN_PEERS:?}; do echo "allowed-peer-ip=$peer"; done
    echo "no-multicast-peers"
    # One browser opens one allocation for each address of ours and each transport; each credential is of one participant.
    echo "user-quota=16"
    echo "total-quota=${TURN_TOTAL_QUOTA:-4000}"
    # Bytes a second of one allocation: 12 Mbit/s, more than all pictures of one participant.
    echo "max-bps=1500000"
    echo "no-dtls"
    echo "no-tcp-relay"
    echo "no-cli"
    echo "fingerprint"
    echo "stale-nonce=600"
    echo "pidfile=$folder/turnserver.pid"
    echo "userdb=$folder/turndb"
    echo "log-file=stdout"
    echo "simple-log"
} >"$file"
exec turnserver -c "$file"
