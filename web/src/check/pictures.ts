/**
 * The pictures of a check: the camera's pictures, and a drawn picture for a machine without a camera. The drawn picture lets
 * the check test the line.
 */
const WIDTH = 1280;
const HEIGHT = 720;
const FPS = 25;
const GRAIN = 256;

export interface Drawn {
  track: MediaStreamTrack;
  stop: () => void;
}

/** Draw moving grain, which is as hard to compress as a lively room. */
export function drawnPicture(): Drawn {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d')!;
  const grain = grainOf();
  const draw = () => {
    const [left, top] = [Math.floor(Math.random() * GRAIN), Math.floor(Math.random() * GRAIN)];
    for (let x = -left; x < WIDTH; x += GRAIN) for (let y = -top; y < HEIGHT; y += GRAIN) context.drawImage(grain, x, y);
  };
  draw();
  const timer = setInterval(draw, 1000 / FPS);
  const track = canvas.captureStream(FPS).getVideoTracks()[0]!;
  return {
    track,
    stop: () => {
      clearInterval(timer);
      track.stop();
    },
  };
}

function grainOf(): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = GRAIN;
  canvas.height = GRAIN;
  const context = canvas.getContext('2d')!;
  const pixels = context.createImageData(GRAIN, GRAIN);
  for (let at = 0; at < pixels.data.length; at += 4) {
    const light = 96 + Math.random() * 64;
    pixels.data.set([light * 0.8, light, light, 255], at);
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

/** Counts the pictures of a video element, and checks whether they are black. */
export class Eye {
  private shown = 0;
  private since_ms = 0;
  private handle = 0;

  constructor(private readonly video: HTMLVideoElement) {}

  start(): void {
    this.shown = 0;
    this.since_ms = performance.now();
    if (!('requestVideoFrameCallback' in this.video)) return;
    const count = () => {
      this.shown += 1;
      this.handle = this.video.requestVideoFrameCallback(count);
    };
    this.handle = this.video.requestVideoFrameCallback(count);
  }

  /** Return the results. `declared`: the camera's own frame rate, for a browser that cannot count pictures. */
  stop(declared: number): { fps: number; dark: boolean } {
    const elapsed_s = (performance.now() - this.since_ms) / 1000;
    const counts = 'requestVideoFrameCallback' in this.video;
    if (counts) this.video.cancelVideoFrameCallback(this.handle);
    return { fps: Math.round(Math.min(240, counts ? this.shown / Math.max(0.1, elapsed_s) : declared)), dark: isDark(this.video) };
  }
}

/**
 * Chosen. Brightness of 255: a lens cap has 0 to 8, a dim room about 20. Larger: a dim room counts as black. Smaller: a
 * covered camera counts as good.
 */
const DARK = 10;

function isDark(video: HTMLVideoElement): boolean {
  const canvas = document.createElement('canvas');
  canvas.width = 16;
  canvas.height = 9;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null || video.videoWidth === 0) return false;
  context.drawImage(video, 0, 0, 16, 9);
  const { data } = context.getImageData(0, 0, 16, 9);
  let sum = 0;
  for (let at = 0; at < data.length; at += 4) sum += (data[at] ?? 0) + (data[at + 1] ?? 0) + (data[at + 2] ?? 0);
  return sum / ((data.length / 4) * 3) < DARK;
}
