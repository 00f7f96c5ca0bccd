/**
 * Finds the people in a picture, with the model of MediaPipe's selfie segmentation on LiteRT. The model needs no graphics
 * processor.
 */
import { loadAndCompile, loadLiteRt, Tensor, type CompiledModel } from '@litertjs/core';
import loader from '@litertjs/core/wasm/litert_wasm_compat_internal.js?url';
import program from '@litertjs/core/wasm/litert_wasm_compat_internal.wasm?url';
import model from '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?url';

/** The picture size that the model takes, for every camera. */
const WIDTH = 256;
const HEIGHT = 144;
const PIXELS = WIDTH * HEIGHT;
/** Chosen. The newest answer's share of the mask. Larger: edges flicker. Smaller: the mask follows a moving person late. */
const FRESH = 0.7;
/**
 * Chosen. Below the first value the pixel is room, above the second value a person. Larger: parts of a person are blurred.
 * Smaller: parts of the room stay sharp.
 */
const [NOBODY, SOMEBODY] = [0.3, 0.7];

export class Cutter {
  private readonly look = context(true);
  private readonly mask = context(false);
  private readonly pixels = new ImageData(WIDTH, HEIGHT);
  private readonly input = new Float32Array(PIXELS * 3);
  private readonly kept = new Float32Array(PIXELS);

  private constructor(private readonly model: CompiledModel) {}

  /**
   * Load the program and the model from the project's server. Reject if they do not load, or if the browser cannot run them.
   */
  static async load(): Promise<Cutter> {
    // LiteRT finds its program by `locateFile`. It prints a normal message as an error in the console, so `printErr` is silent.
    Object.assign(self, { Module: { locateFile: () => program, printErr: () => undefined } });
    // LiteRT would start the large graphics processor of a notebook for a model that takes a few milliseconds.
    Object.defineProperty(navigator, 'gpu', { value: undefined, configurable: true });
    await silently(() => loadLiteRt(loader));
    const answer = await fetch(model);
    if (!answer.ok) throw new Error(`the model does not come: ${answer.status}`);
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return new Cutter(await loadAndCompile(bytes, { accelerator: 'wasm' }));
  }

  /** Return a mask that is opaque where people are. The next call draws on the same canvas. */
  async cut(picture: CanvasImageSource): Promise<OffscreenCanvas> {
    this.look.drawImage(picture, 0, 0, WIDTH, HEIGHT);
    const { data } = this.look.getImageData(0, 0, WIDTH, HEIGHT);
    for (let from = 0, to = 0; to < this.input.length; from += 4) {
      this.input[to++] = data[from]! / 255;
      this.input[to++] = data[from + 1]! / 255;
      this.input[to++] = data[from + 2]! / 255;
    }
    this.draw(await this.ask());
    return this.mask.canvas;
  }

  private async ask(): Promise<ArrayLike<number>> {
    const input = new Tensor(this.input, [1, HEIGHT, WIDTH, 3]);
    let found: Tensor[] = [];
    try {
      found = await this.model.run([input]);
      return found[0]!.toTypedArray() as Float32Array;
    } finally {
      input.delete();
      found.forEach((one) => one.delete());
    }
  }

  private draw(found: ArrayLike<number>): void {
    for (let at = 0; at < PIXELS; at += 1) {
      const likely = this.kept[at]! + FRESH * (found[at]! - this.kept[at]!);
      this.kept[at] = likely;
      this.pixels.data[at * 4 + 3] = (255 * (likely - NOBODY)) / (SOMEBODY - NOBODY);
    }
    this.mask.putImageData(this.pixels, 0, 0);
  }
}

/** Run `act` without warnings: LiteRT warns that it gets no graphics processor. */
async function silently(act: () => Promise<unknown>): Promise<void> {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    await act();
  } finally {
    console.warn = warn;
  }
}

function context(willReadFrequently: boolean): OffscreenCanvasRenderingContext2D {
  const made = new OffscreenCanvas(WIDTH, HEIGHT).getContext('2d', { willReadFrequently });
  if (made === null) throw new Error('no canvas');
  return made;
}
