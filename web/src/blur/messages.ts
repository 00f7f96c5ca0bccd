/** What the page and the worker that blurs say to each other. */

export type ToWorker =
  /** Once: where blurred pictures go. */
  | { kind: 'to'; writable: WritableStream<VideoFrame> }
  /** Where pictures come from, instead of where they came from before. */
  | { kind: 'from'; readable: ReadableStream<VideoFrame> }
  /** The answer to `more`; null: there is none at the moment. */
  | { kind: 'picture'; picture: ImageBitmap | null };

export type FromWorker =
  | { kind: 'ready' }
  /** It will never blur, or no longer. */
  | { kind: 'failed' }
  | { kind: 'slow' }
  /** Asks for a picture where the browser has no streams of them. */
  | { kind: 'more' }
  | { kind: 'blurred'; picture: ImageBitmap };
