/** The data that the page before the call hands to the call. */
import type { Blur } from '../../blur/blur';
import type { OpenTracks } from '../../devices/preview.svelte';
import type { AnyPass } from '../../server/model';

export interface Entry {
  pass: AnyPass;
  name: string;
  tracks: OpenTracks;
  /** The blur of the camera in `tracks`. Null: no blur runs. */
  blur: Blur | null;
  /** The page is the PC of a hall. */
  hall?: true;
  chosen: { camera: string; microphone: string; speaker: string };
}
