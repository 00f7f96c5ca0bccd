import { describe, expect, it } from 'vitest';
import { ConnectionState, RemoteParticipant, RemoteTrackPublication, Room, Track } from 'livekit-client';
import { TrackInfo, TrackSource, TrackType } from '@livekit/protocol';
import { Arrivals, SOON_MS } from '../../src/call/live/arrivals';
import { membersOf } from '../../src/call/live/members';

/** Return a connected room in which another participant has announced a camera that has not arrived. */
function announced() {
  const room = new Room();
  room.state = ConnectionState.Connected;
  const other = new RemoteParticipant(room.engine.client, 'PA_1', 'an');
  const info = new TrackInfo({ sid: 'TR_1', type: TrackType.VIDEO, source: TrackSource.CAMERA });
  const camera = new RemoteTrackPublication(Track.Kind.Video, info, true);
  other.trackPublications.set('TR_1', camera);
  other.videoTrackPublications.set('TR_1', camera);
  room.remoteParticipants.set('an', other);
  return { room, camera };
}

const NONE = new Set<string>();

describe('pictures that wait for a place', () => {
  it('are those announced that have not come for a while', () => {
    const { room, camera } = announced();
    const arrivals = new Arrivals();
    expect([...arrivals.waiting(room, NONE, 0)]).toEqual([]);
    expect(arrivals.next_ms(400)).toBe(SOON_MS - 400);
    const waiting = arrivals.waiting(room, NONE, SOON_MS);
    expect([...waiting]).toEqual(['TR_1']);
    expect(arrivals.next_ms(SOON_MS)).toBeNull();
    expect(membersOf(room, NONE, waiting)[1]?.waiting).toEqual({ camera: true, screen: false });
    camera.track = {} as NonNullable<typeof camera.track>;
    expect([...arrivals.waiting(room, NONE, SOON_MS + 1)]).toEqual([]);
  });

  it.each([
    ['its owner switched it off', ({ camera }) => void camera.updateInfo(new TrackInfo({ sid: 'TR_1', muted: true }))],
    ['it is not allowed', ({ camera }) => camera.setAllowed(false)],
    ['nobody wants it', ({ camera }) => camera.setSubscribed(false)],
    ['there is no connection', ({ room }) => void (room.state = ConnectionState.Reconnecting)],
  ] satisfies [string, (given: ReturnType<typeof announced>) => void][])('are none when %s', (_, change) => {
    const given = announced();
    const arrivals = new Arrivals();
    arrivals.waiting(given.room, NONE, 0);
    change(given);
    expect([...arrivals.waiting(given.room, NONE, SOON_MS)]).toEqual([]);
  });

  it('are none of those that come in no codec of ours', () => {
    const { room } = announced();
    const arrivals = new Arrivals();
    arrivals.waiting(room, NONE, 0);
    expect([...arrivals.waiting(room, new Set(['TR_1']), SOON_MS)]).toEqual([]);
  });
});
