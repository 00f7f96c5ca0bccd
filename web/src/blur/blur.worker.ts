/**
 * Blurs the room behind people, outside the page's own thread. The server sends this file with its own policy, because only
 * this worker may run WebAssembly (`signaling/front/guard.py`). If the browser has streams of camera pictures, pictures go
 * from stream to stream. Otherwise the worker asks the page for each picture. The worker's clock continues while the page is
 * covered.
 */
import { Cutter } from './cutter';
import type { FromWorker, ToWorker } from './messages';
import { Pace } from './pace';
import { Painter } from './painter';
import { COLOURS, planes, type Planes } from './planes';

/**
 * Ms between two requests for a picture. Chosen: 24 pictures a second. Larger: the motion is not smooth. Smaller: the
 * processor does more work.
 */
const EVERY_MS = 1000 / 24;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage: (message: FromWorker, transfer?: Transferable[]) => void;
};
const painter = new Painter();
const pace = new Pace();
/** The planes of the last picture. */
let last: Planes | null = null;
let cutter: Cutter | null = null;
let reader: ReadableStreamDefaultReader<VideoFrame> | null = null;
let writer: WritableStreamDefaultWriter<VideoFrame> | null = null;
/** The queue of cameras: it ends with the last camera. The model takes only one picture at a time. */
let following: Promise<void> = Promise.resolve();

scope.onmessage = ({ data }) => {
  if (data.kind === 'to') writer = data.writable.getWriter();
  else if (data.kind === 'from') void follow(data.readable);
  else void answered(data.picture).catch(failed);
};

Cutter.load().then((loaded) => {
  cutter = loaded;
  scope.postMessage({ kind: 'ready' });
}, failed);

function failed(): void {
  scope.postMessage({ kind: 'failed' });
}

async function follow(readable: ReadableStream<VideoFrame>): Promise<void> {
  await reader?.cancel();
  following = following.then(() => through(readable)).catch(failed);
}

async function through(readable: ReadableStream<VideoFrame>): Promise<void> {
  reader = readable.getReader();
  for (;;) {
    const { done, value: frame } = await reader.read();
    if (done) return;
    const begun_ms = performance.now();
    try {
      await blur(frame, frame.displayWidth, frame.displayHeight);
      const blurred = painted(frame.timestamp);
      took(begun_ms);
      await hand(blurred);
    } finally {
      frame.close();
    }
  }
}

/** Pass a picture on. The stream may be closed; the picture's memory is freed in any case. */
async function hand(blurred: VideoFrame): Promise<void> {
  try {
    await writer?.write(blurred);
  } finally {
    blurred.close();
  }
}

function painted(timestamp: number): VideoFrame {
  last = planes(painter.pixels(), last);
  const { width, height, bytes } = last;
  return new VideoFrame(bytes, { format: 'I420', codedWidth: width, codedHeight: height, timestamp, colorSpace: COLOURS });
}

async function answered(picture: ImageBitmap | null): Promise<void> {
  const begun_ms = performance.now();
  if (picture !== null) {
    await blur(picture, picture.width, picture.height);
    picture.close();
    const blurred = painter.canvas.transferToImageBitmap();
    took(begun_ms);
    scope.postMessage({ kind: 'blurred', picture: blurred }, [blurred]);
  }
  setTimeout(() => scope.postMessage({ kind: 'more' }), Math.max(0, EVERY_MS - (performance.now() - begun_ms)));
}

async function blur(picture: CanvasImageSource, width: number, height: number): Promise<void> {
  if (cutter === null) throw new Error('not loaded');
  painter.paint(picture, width, height, await cutter.cut(picture));
}

/** Record the time of one picture. The wait for the receiver does not count. */
function took(begun_ms: number): void {
  if (pace.took(begun_ms, performance.now())) scope.postMessage({ kind: 'slow' });
}
