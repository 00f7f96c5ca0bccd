/** The messages between the page and the worker that blurs. */

export type ToWorker =
  /** Sent once: the stream for blurred pictures. */
  | { kind: 'to'; writable: WritableStream<VideoFrame> }
  /** The new stream of camera pictures, which replaces the earlier stream. */
  | { kind: 'from'; readable: ReadableStream<VideoFrame> }
  /** The answer to `more`. Null: there is no picture at the moment. */
  | { kind: 'picture'; picture: ImageBitmap | null };

export type FromWorker =
  | { kind: 'ready' }
  /** The worker cannot blur, or can no longer blur. */
  | { kind: 'failed' }
  | { kind: 'slow' }
  /** The request for a picture, in a browser without streams of pictures. */
  | { kind: 'more' }
  | { kind: 'blurred'; picture: ImageBitmap };
