/** In which order people are shown. Pure; keeps faces where they are unless somebody unseen speaks. */

/** Keeps the old order, drops who left, puts newcomers at the end. */
export function keepOrder(before: readonly string[], present: readonly string[]): string[] {
  const here = new Set(present);
  const known = new Set(before);
  return [...before.filter((identity) => here.has(identity)), ...present.filter((identity) => !known.has(identity))];
}

/** Right after the first one, whatever was there before; undefined: as it is. */
export function afterFirst(order: readonly string[], identity: string | undefined): string[] {
  if (identity === undefined || !order.includes(identity)) return [...order];
  const others = order.filter((one) => one !== identity);
  return [...others.slice(0, 1), identity, ...others.slice(1)];
}

/**
 * Brings a speaker from a later page to the first one, in place of whoever there has been silent longest;
 * the two change places, so that nobody else moves.
 */
export function promote(
  order: readonly string[],
  speaking: readonly string[],
  firstPage: number,
  lastSpoke: ReadonlyMap<string, number>,
  fixed: ReadonlySet<string>,
): string[] {
  const next = [...order];
  for (const identity of speaking) {
    const from = next.indexOf(identity);
    if (from < firstPage) continue;
    const to = quietest(next.slice(0, firstPage), lastSpoke, new Set([...fixed, ...speaking]));
    if (to === -1) break;
    [next[from], next[to]] = [next[to]!, next[from]!];
  }
  return next;
}

function quietest(page: readonly string[], lastSpoke: ReadonlyMap<string, number>, kept: ReadonlySet<string>): number {
  let found = -1;
  page.forEach((identity, index) => {
    if (kept.has(identity)) return;
    const best = page[found];
    if (best === undefined || (lastSpoke.get(identity) ?? 0) <= (lastSpoke.get(best) ?? 0)) found = index;
  });
  return found;
}

/** The person in the main picture changes only after a new speaker has held the word for a while. */
export class MainPicture {
  private holder: string | null = null;
  private candidate: string | null = null;
  private since_ms = 0;

  constructor(private readonly hold_ms = 1_500) {}

  /** `loudest` is null when nobody speaks: then the last speaker stays in the picture. */
  next(loudest: string | null, now_ms: number): string | null {
    if (loudest === null || loudest === this.holder) {
      this.candidate = null;
      return this.holder;
    }
    if (this.candidate !== loudest) {
      this.candidate = loudest;
      this.since_ms = now_ms;
    }
    if (this.holder === null || now_ms - this.since_ms >= this.hold_ms) this.holder = loudest;
    return this.holder;
  }

  forget(identity: string): void {
    if (this.holder === identity) this.holder = null;
    if (this.candidate === identity) this.candidate = null;
  }
}
