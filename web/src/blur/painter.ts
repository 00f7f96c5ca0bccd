/**
 * Draws sharp people on their blurred room. Plain canvas: it works without a graphics processor, and in browsers whose canvas
 * has no filters.
 */

/**
 * Chosen. The room is drawn in smaller and smaller steps, down to about this number of lines, and then enlarged. Larger: the
 * room can be recognised. Smaller: the background is one colour.
 */
const LINES = 22;
/**
 * Chosen. The factor of the first reduction. Larger: the reduction skips pixels, and the room flickers. Smaller: the work
 * takes longer.
 */
const FIRST = 4;

export class Painter {
  private readonly whole = layer(2, 2);
  private steps: OffscreenCanvasRenderingContext2D[] = [];

  get canvas(): OffscreenCanvas {
    return this.whole.canvas;
  }

  pixels(): ImageData {
    return this.whole.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Draw one picture. `mask` is opaque where people are, and has any size. */
  paint(picture: CanvasImageSource, width: number, height: number, mask: OffscreenCanvas): void {
    if (width !== this.canvas.width || height !== this.canvas.height) this.resize(width, height);
    const { whole } = this;
    put(whole, mask, 'copy');
    put(whole, picture, 'source-in');
    put(whole, this.blurred(picture), 'destination-over');
  }

  private blurred(picture: CanvasImageSource): OffscreenCanvas {
    let last: CanvasImageSource = picture;
    for (const step of this.steps) last = put(step, last, 'copy');
    for (const step of this.steps.slice(0, -1).reverse()) last = put(step, last, 'copy');
    return this.steps[0]!.canvas;
  }

  private resize(width: number, height: number): void {
    this.canvas.width = width;
    this.canvas.height = height;
    this.steps = [layer(width / FIRST, height / FIRST)];
    for (let lines = height / FIRST / 2; lines >= LINES * 0.75; lines /= 2) this.steps.push(layer((width * lines) / height, lines));
  }
}

function put(target: OffscreenCanvasRenderingContext2D, picture: CanvasImageSource, how: GlobalCompositeOperation): OffscreenCanvas {
  target.globalCompositeOperation = how;
  target.imageSmoothingQuality = 'medium';
  target.drawImage(picture, 0, 0, target.canvas.width, target.canvas.height);
  return target.canvas;
}

function layer(width: number, height: number): OffscreenCanvasRenderingContext2D {
  const made = new OffscreenCanvas(Math.max(1, Math.round(width)), Math.max(1, Math.round(height))).getContext('2d');
  if (made === null) throw new Error('no canvas');
  return made;
}
