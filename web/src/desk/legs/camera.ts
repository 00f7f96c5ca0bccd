/** Moves a camera in a hall from the board. Orders go one after the other, and the last order is always a stop. */

/** Each value is -1, 0 or 1. Negative: left, down and out. */
export interface Step {
  pan: number;
  tilt: number;
  zoom: number;
}
const STILL: Step = { pan: 0, tilt: 0, zoom: 0 };
/**
 * Chosen. A tap moves the camera for this time. Longer: small movements are impossible. Shorter: a tap hardly moves the
 * camera.
 */
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

  /** Send orders in sequence, never two at the same time. A stop that overtakes its start leaves the camera moving. */
  #send(step: Step): void {
    this.#queue = this.#queue.then(() => this.#turn(step)).catch(() => undefined);
  }
}
