/**
 * Compares the build of the open page with the build on the server. An installed app stays open for weeks, so the page itself must
 * notice a new build. The page loads the new build when nobody loses anything by it: never during a call or beside typed text.
 */
const ADDRESS = '/build.json';
const RELOADED = 'diemcau.reloaded';
const PATIENCE_MS = 5_000;
/** Chosen. Longer: open pages stay old longer. Shorter: more requests. */
export const COMPARED_EVERY_MS = 10 * 60_000;
/** The text that the build replaces. The page of the development server has it still. */
const MARK = '__BUILD__';

/** The build of this page. Empty: not known. */
export function ownBuild(page: Document = document): string {
  const build = page.querySelector<HTMLMetaElement>('meta[name=build]')?.content ?? '';
  return build === MARK ? '' : build;
}

/** Return the build that the server has now. Empty: no answer. */
export async function servedBuild(): Promise<string> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    const response = await fetch(ADDRESS, { cache: 'no-store', signal: stop.signal });
    const answer: unknown = response.ok ? await response.json() : null;
    const build = (answer as { build?: unknown } | null)?.build;
    return typeof build === 'string' ? build : '';
  } catch {
    return '';
  } finally {
    clearTimeout(timer);
  }
}

export class Build {
  /** The newer build on the server. Empty: none is known. */
  private newer = '';
  private readonly own = ownBuild();

  /** Ask the server. Report whether it has a newer build for which this tab has not loaded again yet. */
  async compare(): Promise<boolean> {
    const served = this.own === '' ? '' : await servedBuild();
    if (served !== '') this.newer = served === this.own || served === reloadedFor() ? '' : served;
    return this.outdated;
  }

  get outdated(): boolean {
    return this.newer !== '';
  }

  /**
   * Load the page of the present address again. The tab loads again only once for each build. Otherwise two servers with different builds
   * behind one address would make it load for ever.
   */
  load(): void {
    try {
      sessionStorage.setItem(RELOADED, this.newer);
    } catch {
      // A browser without storage cannot count, so it loads again only by its user.
      this.newer = '';
      return;
    }
    location.reload();
  }
}

function reloadedFor(): string {
  try {
    return sessionStorage.getItem(RELOADED) ?? '';
  } catch {
    return '';
  }
}

/** Report whether the person is typing, or has typed something, into a field of this page. */
export function typing(page: Document = document): boolean {
  const fields = [...page.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input, textarea')];
  return fields.some((field) => field.value !== '' && field.value !== field.defaultValue && field.type !== 'checkbox' && field.type !== 'radio');
}
