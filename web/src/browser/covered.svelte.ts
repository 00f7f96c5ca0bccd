/** The part of the page that a phone's keyboard covers. */

/**
 * Chosen. The bars of a browser are lower than this; a keyboard is higher. Larger: a low keyboard covers the controls.
 * Smaller: the browser's bars count as a keyboard.
 */
const KEYBOARD_PX = 120;

export class Covered {
  /** The CSS pixels that the keyboard covers, if the browser does not make the page smaller for the keyboard. */
  height_px = $state(0);
  private readonly fit = () => this.look();

  constructor() {
    window.visualViewport?.addEventListener('resize', this.fit);
  }

  close(): void {
    window.visualViewport?.removeEventListener('resize', this.fit);
  }

  private look(): void {
    const seen = window.visualViewport;
    const lost_px = seen === null || seen.scale > 1.01 ? 0 : window.innerHeight - seen.height;
    this.height_px = lost_px > KEYBOARD_PX ? lost_px : 0;
    if (this.height_px > 0) window.scrollTo(0, 0);
  }
}
