/**
 * A call with oneself: one connection sends camera and microphone to the server, a second receives them back. What stands
 * between is what stands between in any meeting. Owns the connections; judges nothing.
 */
import { ConnectionError, ConnectionErrorReason, ConnectionState, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, setLogLevel, Track, VideoPresets, type RemoteTrack } from 'livekit-client';
import { Meter, type Report, type Sample } from '../figures/figures';
import type { CheckOpened } from '../server/model';

const CONNECT_MS = 12_000;
const SWITCH_MS = 9_000;
const LOOK_MS = 250;

export class Loop {
  private readonly sender = new Room({
    dynacast: false,
    stopLocalTrackOnUnpublish: false,
    publishDefaults: { videoCodec: 'vp8', simulcast: true, videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360], dtx: false },
  });
  private readonly receiver = new Room({ adaptiveStream: false });
  private readonly meter = new Meter();

  /** `returned`: a track of one's own that has come back. */
  constructor(
    private readonly opened: CheckOpened,
    returned: (track: RemoteTrack) => void,
  ) {
    // It breaks its own call to try other ways, and is the one to judge what that led to.
    setLogLevel('error');
    this.receiver.on(RoomEvent.TrackSubscribed, (track) => returned(track));
  }

  /** False: no call stands, and it is the network that lets none through. Raises what else may keep a call from standing. */
  async connect(): Promise<boolean> {
    const { url, sender, receiver } = this.opened;
    const options = { peerConnectionTimeout: CONNECT_MS };
    // What a browser that forbids calls raises here the client library would tell as a server out of reach.
    new RTCPeerConnection().close();
    try {
      await Promise.all([this.sender.connect(url, sender, options), this.receiver.connect(url, receiver, options)]);
      return true;
    } catch (error) {
      if (tellsOfNetwork(error)) return false;
      throw error;
    }
  }

  /** Raises what the client library raises. */
  async send(microphone: MediaStreamTrack | null, picture: MediaStreamTrack): Promise<void> {
    const tracks = [picture, ...(microphone === null ? [] : [microphone])];
    await Promise.all(tracks.map((track) => this.publish(track)));
  }

  /** Neither half has lost its call. */
  get stands(): boolean {
    return [this.sender, this.receiver].every((room) => room.state === ConnectionState.Connected);
  }

  async sample(): Promise<Sample> {
    const [sent, received] = await Promise.all([reports(own(this.sender)), reports(others(this.receiver))]);
    return this.meter.read({ sent, received }, performance.now());
  }

  /** Whether media comes by TCP too: the receiving half is asked to come that way. null: it could not be asked. */
  async tryTcp(): Promise<boolean | null> {
    if (!this.stands) return null;
    const back = new Promise<void>((resolve) => this.receiver.once(RoomEvent.Reconnected, () => resolve()));
    const gone = new Promise<void>((resolve) => this.receiver.once(RoomEvent.Disconnected, () => resolve()));
    await this.receiver.simulateScenario('force-tcp');
    const until = performance.now() + SWITCH_MS;
    await Promise.race([back, gone, wait(SWITCH_MS)]);
    const meter = new Meter();
    while (performance.now() < until && this.receiver.state !== 'disconnected') {
      const received = await reports(others(this.receiver));
      const seen = meter.read({ sent: [], received }, performance.now());
      if (seen.way === 'tcp' && seen.down_bps > 0) return true;
      await wait(LOOK_MS);
    }
    return false;
  }

  /** Whether the relay (TURN) can be used; null where the server names none, or something else than the network was in the way. */
  async tryRelay(): Promise<boolean | null> {
    const { url, relay } = this.opened;
    if (relay === '') return null;
    const room = new Room();
    try {
      await room.connect(url, relay, { rtcConfig: { iceTransportPolicy: 'relay' }, peerConnectionTimeout: SWITCH_MS, maxRetries: 0 });
      return true;
    } catch (error) {
      return tellsOfNetwork(error) ? false : null;
    } finally {
      await room.disconnect();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.sender.disconnect(false), this.receiver.disconnect()]);
  }

  private async publish(track: MediaStreamTrack): Promise<void> {
    const sound = track.kind === 'audio';
    const local = sound ? new LocalAudioTrack(track, undefined, true) : new LocalVideoTrack(track, undefined, true);
    await this.sender.localParticipant.publishTrack(local, { source: sound ? Track.Source.Microphone : Track.Source.Camera });
  }
}

/**
 * The server's door had answered a moment ago. What the server itself answered to the call (a refusal, a status) and what went
 * wrong in this page tell nothing of the network.
 */
export function tellsOfNetwork(error: unknown): boolean {
  if (!(error instanceof ConnectionError)) return false;
  const { reason, context } = error as ConnectionError;
  if (reason === ConnectionErrorReason.InternalError) return context === undefined;
  return reason === ConnectionErrorReason.ServerUnreachable || reason === ConnectionErrorReason.WebSocket || reason === ConnectionErrorReason.Timeout;
}

/** The server answered, and took no call. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ConnectionError && !tellsOfNetwork(error);
}

interface Counting {
  getRTCStatsReport(): Promise<RTCStatsReport | undefined>;
}

function own(room: Room): Counting[] {
  return [...room.localParticipant.trackPublications.values()].flatMap((one) => one.track ?? []);
}

function others(room: Room): Counting[] {
  return [...room.remoteParticipants.values()].flatMap((who) => [...who.trackPublications.values()].flatMap((one) => one.track ?? []));
}

async function reports(tracks: Counting[]): Promise<Report[]> {
  const found = await Promise.all(tracks.map((track) => track.getRTCStatsReport().catch(() => undefined)));
  return found.filter((report) => report !== undefined) as unknown as Report[];
}

export function wait(delay_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delay_ms));
}
