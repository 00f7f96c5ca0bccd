/** The order in which people are shown. Pure. Faces keep their places unless a person who is not visible speaks. */

/** Return the old order without the people who left, with the new people at the end. */
export function keepOrder(before: readonly string[], present: readonly string[]): string[] {
  const here = new Set(present);
  const known = new Set(before);
  return [...before.filter((identity) => here.has(identity)), ...present.filter((identity) => !known.has(identity))];
}

/** Return the order with `identity` at the second place. Undefined: the order stays the same. */
export function afterFirst(order: readonly string[], identity: string | undefined): string[] {
  if (identity === undefined || !order.includes(identity)) return [...order];
  const others = order.filter((one) => one !== identity);
  return [...others.slice(0, 1), identity, ...others.slice(1)];
}

/**
 * Return the order with each speaker from a later page moved to the first page. The speaker changes places with the person on
 * the first page who has been silent longest. No other person moves.
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

/** The person in the main picture. The person changes only after a new speaker has spoken for a while. */
export class MainPicture {
  private holder: string | null = null;
  private candidate: string | null = null;
  private since_ms = 0;

  constructor(private readonly hold_ms = 1_500) {}

  /**
   * Return the person to show. `loudest` is null when no participant speaks. In that case the last speaker stays in the
   * picture.
   */
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
