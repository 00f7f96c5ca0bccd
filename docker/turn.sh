#!/usr/bin/env bash
# Run coturn for this server: it accepts only users with the shared secret, and relays only to the media of this server.
#   DIEMCAU_TURN_SECRET   the same as turn_secret of the server
#   TURN_PEERS            addresses of the server's media, separated by spaces; all other peers are refused
#   TURN_CERT, TURN_KEY   certificate chain and key (PEM) for TLS; without them TLS is off
#   TURN_TOTAL_QUOTA      allocations at the same time, 4000 by default
#   TURN_ADDRESS TURN_RELAY_ADDRESS TURN_EXTERNAL TURN_PORT TURN_TLS_PORT TURN_REALM TURN_DIR
set -euo pipefail
umask 077

# The secret is in a file, because the list of processes would show it.
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
    # Without these lines, a client with valid credentials could reach the networks behind the relay.
    echo "denied-peer-ip=0.0.0.0-255.255.255.255"
    echo "denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
    for peer in ${TURN_PEERS:?}; do echo "allowed-peer-ip=$peer"; done
    echo "no-multicast-peers"
    # A browser opens one allocation for each server address and each transport. Each credential belongs to one participant.
    echo "user-quota=16"
    echo "total-quota=${TURN_TOTAL_QUOTA:-4000}"
    # Bytes a second of one allocation: 12 Mbit/s, more than all video of one participant. Larger: one client can fill the uplink.
    # Smaller: coturn drops video packets.
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
