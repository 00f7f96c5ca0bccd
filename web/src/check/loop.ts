/**
 * A call to oneself. One connection sends camera and microphone to the server, a second connection receives them. The media
 * uses the same route as in any meeting. This class owns the connections and gives no verdict.
 */
import { ConnectionError, ConnectionErrorReason, ConnectionState, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, setLogLevel, Track, VideoPresets, type RemoteTrack } from 'livekit-client';
import { Meter, type Report, type Sample } from '../figures/figures';
import type { CheckOpened } from '../server/model';

/**
 * Milliseconds until the test call must be connected. Chosen. Longer: a blocked network is reported later. Shorter: a slow
 * line counts as blocked.
 */
const CONNECT_MS = 12_000;
/**
 * Milliseconds for the test of another way: TCP, or the TURN server. Chosen. Longer: the check takes longer. Shorter: a
 * slow way counts as blocked.
 */
const SWITCH_MS = 9_000;
/**
 * Milliseconds between two looks whether media arrives by TCP. Chosen. Longer: the check takes longer. Shorter: more work.
 */
const LOOK_MS = 250;

export class Loop {
  private readonly sender = new Room({
    dynacast: false,
    stopLocalTrackOnUnpublish: false,
    publishDefaults: { videoCodec: 'vp8', simulcast: true, videoSimulcastLayers: [VideoPresets.h180, VideoPresets.h360], dtx: false },
  });
  private readonly receiver = new Room({ adaptiveStream: false });
  private readonly meter = new Meter();

  /** `returned`: called with a track of this class that came back. */
  constructor(
    private readonly opened: CheckOpened,
    returned: (track: RemoteTrack) => void,
  ) {
    // The class breaks its own call to try other transports, so the library's warnings are not useful.
    setLogLevel('error');
    this.receiver.on(RoomEvent.TrackSubscribed, (track) => returned(track));
  }

  /** Connect both halves. Return false if the network lets no call through. Throw every other error. */
  async connect(): Promise<boolean> {
    const { url, sender, receiver } = this.opened;
    const options = { peerConnectionTimeout: CONNECT_MS };
    // This call throws in a browser that forbids calls. The client library would report an unreachable server instead.
    new RTCPeerConnection().close();
    try {
      await Promise.all([this.sender.connect(url, sender, options), this.receiver.connect(url, receiver, options)]);
      return true;
    } catch (error) {
      if (tellsOfNetwork(error)) return false;
      throw error;
    }
  }

  /** Publish the tracks. Throw the client library's errors. */
  async send(microphone: MediaStreamTrack | null, picture: MediaStreamTrack): Promise<void> {
    const tracks = [picture, ...(microphone === null ? [] : [microphone])];
    await Promise.all(tracks.map((track) => this.publish(track)));
  }

  /** True if both halves are connected. */
  get stands(): boolean {
    return [this.sender, this.receiver].every((room) => room.state === ConnectionState.Connected);
  }

  async sample(): Promise<Sample> {
    const [sent, received] = await Promise.all([reports(own(this.sender)), reports(others(this.receiver))]);
    return this.meter.read({ sent, received }, performance.now());
  }

  /** Report whether media also passes by TCP: the receiving half must reconnect by TCP. Null: the test was not possible. */
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

  /**
   * Report whether the relay (TURN) works. Null: the server names no relay, or another error than the network stopped the
   * test.
   */
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
 * Report whether the error shows a problem of the network. The server answered a request just before. A refusal or a status
 * from the server, or a fault in this page, says nothing about the network.
 */
export function tellsOfNetwork(error: unknown): boolean {
  if (!(error instanceof ConnectionError)) return false;
  const { reason, context } = error as ConnectionError;
  if (reason === ConnectionErrorReason.InternalError) return context === undefined;
  return reason === ConnectionErrorReason.ServerUnreachable || reason === ConnectionErrorReason.WebSocket || reason === ConnectionErrorReason.Timeout;
}

/** Report whether the server answered and refused the call. */
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
