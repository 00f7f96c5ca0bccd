/**
 * Blurs the room behind people, away from the page's own thread. The server sends this file with a policy of its own: only here
 * may WebAssembly run (`signaling/front/guard.py`). Where the browser streams the pictures of a camera they go from stream to stream;
 * elsewhere the worker asks the page for each one, by its own clock, which runs on while the page is covered.
 */
import { Cutter } from './cutter';
import type { FromWorker, ToWorker } from './messages';
import { Pace } from './pace';
import { Painter } from './painter';
import { COLOURS, planes, type Planes } from './planes';

/** Where the worker asks. */
const EVERY_MS = 1000 / 24;

const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage: (message: FromWorker, transfer?: Transferable[]) => void;
};
const painter = new Painter();
const pace = new Pace();
/** Of the last picture. */
let last: Planes | null = null;
let cutter: Cutter | null = null;
let reader: ReadableStreamDefaultReader<VideoFrame> | null = null;
let writer: WritableStreamDefaultWriter<VideoFrame> | null = null;
/** Ends with the last camera: the model takes one picture at a time. */
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

/** Whoever is no longer there takes no picture: its memory is given back all the same. */
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

/** All that a picture cost: waiting for whoever takes it is none of it. */
function took(begun_ms: number): void {
  if (pace.took(begun_ms, performance.now())) scope.postMessage({ kind: 'slow' });
}
