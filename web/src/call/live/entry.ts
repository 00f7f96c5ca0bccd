/** What somebody brings into a call from the page before it. */
import type { Blur } from '../../blur/blur';
import type { OpenTracks } from '../../devices/preview.svelte';
import type { AnyPass } from '../../server/model';

export interface Entry {
  pass: AnyPass;
  name: string;
  tracks: OpenTracks;
  /** Of that camera; null: none runs. */
  blur: Blur | null;
  chosen: { camera: string; microphone: string; speaker: string };
}
