/**
 * One camera's picture with a blurred room. The camera's own driver blurs if it can; otherwise a worker blurs. This class
 * owns the worker and the track that the worker makes. The code that opened the camera owns the camera's track. The client
 * library uses this class as a processor and calls it for each new camera. No page loads this file at its start.
 */
import type { Track, TrackProcessor, VideoProcessorOptions } from 'livekit-client';
import program from './blur.worker.ts?worker&url';
import type { FromWorker, ToWorker } from './messages';
import { blurNatively, watchBlur } from './native';

/** The reasons for a missing blur. `driver`: the driver has stopped its blur. The reasons are keys of `blur.` in the texts. */
export type Trouble = 'unsupported' | 'failed' | 'slow' | 'driver';

/**
 * Chosen, for a program of 9 MB on a slow line. Longer: the user waits for a blur that fails. Shorter: a slow line never gets
 * the blur.
 */
const LOADING_MS = 60_000;
/**
 * Pictures a second of the blurred track at most. Chosen. Larger: more work for the encoder. Smaller: motion is jerky.
 */
const FPS = 24;
const ENDED = 'ended';

/** https://www.w3.org/TR/mediacapture-transform/, in the form that Chromium offers outside workers. */
interface Streams {
  MediaStreamTrackProcessor?: new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => { readable: ReadableStream<VideoFrame> };
  MediaStreamTrackGenerator?: new (init: { kind: 'video' }) => MediaStreamTrack & { writable: WritableStream<VideoFrame> };
}

export class Blur implements TrackProcessor<Track.Kind.Video> {
  readonly name = 'blur';
  /** Undefined while the driver blurs: in that case the camera's own track is the blurred one. */
  processedTrack?: MediaStreamTrack;
  private source: MediaStreamTrack | null = null;
  private worker: Worker | null = null;
  private loading: Promise<void> | null = null;
  private made: MediaStreamTrack | null = null;
  private hand: Hand | null = null;
  private gone = false;
  private endLoading = () => {};
  private unwatch = () => {};

  /**
   * `gaveUp`: called when the blur stopped or is too slow; the code that takes the blur over replaces this function.
   * `driver`: the camera's driver may blur.
   */
  constructor(
    public gaveUp: (why: Trouble) => void,
    private readonly driver: boolean,
  ) {}

  get ended(): boolean {
    return this.gone;
  }

  /**
   * Do all slow work that can fail. Reject with a `Failed`, or as ended. `camera`: a camera whose driver blurs needs no
   * worker.
   */
  async prepare(camera: MediaStreamTrack | null): Promise<void> {
    if (camera !== null && (await this.drive(camera))) return;
    if (this.gone) throw new Error(ENDED);
    this.loading ??= this.load();
    await this.loading;
  }

  async init(options: Pick<VideoProcessorOptions, 'track'>): Promise<void> {
    await this.restart(options);
  }

  /** Change to another camera, or to the same camera that was opened again. */
  async restart({ track }: Pick<VideoProcessorOptions, 'track'>): Promise<void> {
    if (track === this.source) return;
    this.source = track;
    this.unwatch();
    await this.prepare(track);
    if (this.gone) throw new Error(ENDED);
    if (await this.drive(track)) {
      delete this.processedTrack;
      this.unwatch = watchBlur(track, () => this.stop('driver'));
    } else this.processedTrack = this.follow(track);
  }

  async destroy(): Promise<void> {
    if (this.gone) return;
    this.gone = true;
    this.unwatch();
    this.endLoading();
    this.worker?.terminate();
    this.hand?.close();
    this.made?.stop();
    if (this.source !== null) await blurNatively(this.source, false);
  }

  private async drive(track: MediaStreamTrack): Promise<boolean> {
    return this.driver && (await blurNatively(track, true));
  }

  private follow(track: MediaStreamTrack): MediaStreamTrack {
    const { MediaStreamTrackProcessor: Processor, MediaStreamTrackGenerator: Generator } = globalThis as Streams;
    if (Processor === undefined || Generator === undefined) {
      this.hand ??= new Hand((message, transfer) => this.tell(message, transfer));
      this.hand.follow(track);
      this.made ??= this.hand.track;
      return this.made;
    }
    if (this.made === null) {
      const generator = new Generator({ kind: 'video' });
      this.made = generator;
      this.tell({ kind: 'to', writable: generator.writable }, [generator.writable]);
    }
    // A camera that is off has no pictures. The client library calls this function again with the camera that it opens.
    if (track.readyState === 'live') {
      const { readable } = new Processor({ track, maxBufferSize: 1 });
      this.tell({ kind: 'from', readable }, [readable]);
    }
    return this.made;
  }

  private load(): Promise<void> {
    if (typeof OffscreenCanvas === 'undefined' || typeof WebAssembly === 'undefined' || !('captureStream' in HTMLCanvasElement.prototype)) {
      return Promise.reject(new Failed('unsupported'));
    }
    const worker = new Worker(trusted());
    this.worker = worker;
    return new Promise((loaded, refused) => {
      const give = () => {
        refused(new Failed('failed'));
        worker.terminate();
      };
      const timer = setTimeout(give, LOADING_MS);
      this.endLoading = () => {
        clearTimeout(timer);
        refused(new Error(ENDED));
      };
      worker.onerror = give;
      worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
        clearTimeout(timer);
        if (data.kind !== 'ready') return give();
        worker.onerror = () => this.stop('failed');
        worker.onmessage = (event: MessageEvent<FromWorker>) => this.heard(event.data);
        loaded();
      };
    });
  }

  private heard(message: FromWorker): void {
    if (message.kind === 'more') this.hand?.give();
    else if (message.kind === 'blurred') this.hand?.show(message.picture);
    else if (message.kind !== 'ready') this.stop(message.kind);
  }

  private stop(why: Trouble): void {
    if (!this.gone) this.gaveUp(why);
  }

  private tell(message: ToWorker, transfer: Transferable[]): void {
    this.worker?.postMessage(message, transfer);
  }
}

interface Rule {
  createScriptURL(url: string): string;
}
let rule: Rule | undefined;

/**
 * Return the worker's address in the form that Trusted Types demand. The page's policy allows scripts only by named rules,
 * and this rule allows one address (`signaling/front/guard.py`).
 */
function trusted(): string {
  const { trustedTypes } = globalThis as { trustedTypes?: { createPolicy(name: string, rules: Rule): Rule } };
  rule ??= trustedTypes?.createPolicy('blur-worker', { createScriptURL: () => program });
  return rule?.createScriptURL(program) ?? program;
}

/** An error of the blur; `why` is a `Trouble`. */
export class Failed extends Error {
  constructor(readonly why: Trouble) {
    super(why);
  }
}

/** Passes pictures one by one, for a browser without streams of pictures. */
class Hand {
  private readonly video = document.createElement('video');
  private readonly canvas = document.createElement('canvas');
  private readonly shown = this.canvas.getContext('bitmaprenderer')!;
  readonly track = this.canvas.captureStream(FPS).getVideoTracks()[0]!;
  private begun = false;

  constructor(private readonly tell: (message: ToWorker, transfer: Transferable[]) => void) {
    this.video.muted = true;
    this.video.playsInline = true;
  }

  follow(track: MediaStreamTrack): void {
    this.video.srcObject = new MediaStream([track]);
    void this.video.play().catch(() => undefined);
    if (!this.begun) this.give();
    this.begun = true;
  }

  /** Send one picture, or a message that there is none. */
  give(): void {
    const nothing = () => this.tell({ kind: 'picture', picture: null }, []);
    if (this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || this.video.videoWidth === 0) return nothing();
    createImageBitmap(this.video).then((picture) => this.tell({ kind: 'picture', picture }, [picture]), nothing);
  }

  show(picture: ImageBitmap): void {
    if (this.canvas.width !== picture.width) this.canvas.width = picture.width;
    if (this.canvas.height !== picture.height) this.canvas.height = picture.height;
    this.shown.transferFromImageBitmap(picture);
  }

  close(): void {
    this.video.srcObject = null;
  }
}
