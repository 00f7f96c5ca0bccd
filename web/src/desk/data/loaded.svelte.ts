/** A value of the server that a screen shows: loading, loaded, or failed with a text. */
export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(true);
  #round = 0;
  #ask: () => Promise<T>;
  #running: Promise<void> = Promise.resolve();

  constructor(ask: () => Promise<T>) {
    this.#ask = ask;
    void this.refresh();
  }

  /** Load the value again. The old value stays until the new answer arrives. An older answer never replaces a newer one. */
  refresh(): Promise<void> {
    return (this.#running = this.#load());
  }

  /** Wait for the load that is under way. Without one, this resolves at once. */
  settled(): Promise<void> {
    return this.#running;
  }

  async #load(): Promise<void> {
    const round = ++this.#round;
    this.loading = true;
    try {
      const value = await this.#ask();
      if (round !== this.#round) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (round === this.#round) this.error = error;
    }
    if (round === this.#round) this.loading = false;
  }
}
