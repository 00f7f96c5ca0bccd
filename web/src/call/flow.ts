/** Whether media still flows while the signalling socket is lost: asked of the media transport itself, not of the socket. */
import type { LocalTrack, RemoteTrack, Room, TrackPublication } from 'livekit-client';

export const CHECK_MS = 1_000;

/**
 * A transport says "disconnected" some five seconds after the last answered consent check (RFC 7675). Without any
 * track there is no transport to ask, and nothing to miss either.
 */
export function mediaFlows(room: Room): boolean {
  const everybody = [room.localParticipant, ...room.remoteParticipants.values()];
  for (const participant of everybody) {
    for (const publication of participant.trackPublications.values()) {
      const state = transportState(publication);
      if (state !== undefined) return state === 'connected' || state === 'completed';
    }
  }
  return true;
}

function transportState(publication: TrackPublication): RTCIceTransportState | undefined {
  const track = publication.track as Partial<LocalTrack & RemoteTrack> | undefined;
  return (track?.sender ?? track?.receiver)?.transport?.iceTransport?.state;
}
