/** How a far camera is moved from the board: one order after the other, the last one always a stop. */

/** -1, 0 or 1 each: left, down and out first. */
export interface Step {
  pan: number;
  tilt: number;
  zoom: number;
}
const STILL: Step = { pan: 0, tilt: 0, zoom: 0 };
/** A tap moves the camera for so long. */
const TAP_MS = 250;

export const PAD = [
  { name: 'up', text: 'cameraUp', mark: '↑', step: { ...STILL, tilt: 1 }, keys: ['ArrowUp'] },
  { name: 'left', text: 'cameraLeft', mark: '←', step: { ...STILL, pan: -1 }, keys: ['ArrowLeft'] },
  { name: 'right', text: 'cameraRight', mark: '→', step: { ...STILL, pan: 1 }, keys: ['ArrowRight'] },
  { name: 'down', text: 'cameraDown', mark: '↓', step: { ...STILL, tilt: -1 }, keys: ['ArrowDown'] },
  { name: 'in', text: 'cameraIn', mark: '+', step: { ...STILL, zoom: 1 }, keys: ['+', '='] },
  { name: 'out', text: 'cameraOut', mark: '−', step: { ...STILL, zoom: -1 }, keys: ['-'] },
] as const;

export class CameraKeys {
  #turn: (step: Step) => Promise<void>;
  #queue: Promise<void> = Promise.resolve();
  #since = 0;

  constructor(turn: (step: Step) => Promise<void>) {
    this.#turn = turn;
  }

  hold(step: Step): void {
    this.#since = performance.now();
    this.#send(step);
  }

  release(): void {
    const rest = TAP_MS - (performance.now() - this.#since);
    if (rest > 0) this.#queue = this.#queue.then(() => new Promise((resolve) => setTimeout(resolve, rest)));
    this.#send(STILL);
  }

  /** In order, and never two at once: a stop that overtakes its start would leave the camera turning. */
  #send(step: Step): void {
    this.#queue = this.#queue.then(() => this.#turn(step)).catch(() => undefined);
  }
}
