/**
 * The meeting in a small window above other programs. With Document Picture-in-Picture the window has its controls; otherwise
 * it has only the main picture.
 */
import { mount, unmount } from 'svelte';
import { t } from '../../i18n/call.svelte';
import type { Conference } from '../live/conference.svelte';
import Floating from './Floating.svelte';

interface PictureWindows {
  requestWindow(wanted: { width: number; height: number }): Promise<Window>;
}
const SIZE = { width: 420, height: 340 };

export class FloatingWindow {
  open = $state(false);
  private window: Window | null = null;

  /** `openChat`: open the chat on the page of the call. */
  constructor(
    private readonly conference: Conference,
    private readonly openChat: () => void,
  ) {}

  get possible(): boolean {
    return windows() !== null || document.pictureInPictureEnabled === true;
  }

  /** Open or close the window. The browser allows this only after a press of its user. */
  async toggle(): Promise<void> {
    if (this.open) return this.close();
    const whole = windows();
    try {
      if (whole !== null) await this.openWhole(whole);
      else await this.openPicture();
    } catch {
      this.conference.notices.tell(t('floating.refused'));
    }
  }

  close(): void {
    this.window?.close();
    if (document.pictureInPictureElement !== null) void document.exitPictureInPicture().catch(() => undefined);
  }

  private async openWhole(whole: PictureWindows): Promise<void> {
    const made = await whole.requestWindow(SIZE);
    dress(made.document);
    const shown = mount(Floating, { target: made.document.body, props: { conference: this.conference, back: () => this.close(), chat: () => (this.close(), this.openChat()) } });
    this.window = made;
    this.open = true;
    made.addEventListener('pagehide', () => {
      void unmount(shown);
      this.conference.pictures.float([]);
      this.window = null;
      this.open = false;
    });
  }

  /** Open the largest picture on the stage. */
  private async openPicture(): Promise<void> {
    const videos = [...document.querySelectorAll<HTMLVideoElement>('[data-testid=tile] video')].filter((one) => one.videoWidth > 0);
    const largest = videos.sort((a, b) => b.clientWidth - a.clientWidth)[0];
    if (largest === undefined) return this.conference.notices.tell(t('floating.nothing'));
    await largest.requestPictureInPicture();
    this.open = true;
    largest.addEventListener('leavepictureinpicture', () => (this.open = false), { once: true });
  }
}

function windows(): PictureWindows | null {
  return (window as { documentPictureInPicture?: PictureWindows }).documentPictureInPicture ?? null;
}

/**
 * Give the window the project's style sheets by their addresses. The page's content security policy holds in the window too.
 */
function dress(target: Document): void {
  target.documentElement.lang = document.documentElement.lang;
  target.title = document.title;
  for (const sheet of document.querySelectorAll<HTMLLinkElement>('link[rel=stylesheet]')) {
    const link = target.createElement('link');
    link.rel = 'stylesheet';
    link.href = sheet.href;
    target.head.append(link);
  }
}
