/** The parts of the chair's panel in a call, and of the desk beside the call. Both pages read this list. */
import type { Component } from 'svelte';
import AgendaPart from '../../chair/agenda/AgendaPart.svelte';
import BreaksPart from '../../chair/breaks/BreaksPart.svelte';
import type { Chairing } from '../../chair/chairing.svelte';
import RulesPart from '../../chair/RulesPart.svelte';
import Units from '../../chair/Units.svelte';
import VotesPart from '../../chair/votes/VotesPart.svelte';
import RollPart from '../../chair/roll/RollPart.svelte';
import FloorPart from './FloorPart.svelte';

export interface Part {
  /** Its text is `chair.part.NAME`. */
  name: string;
  /** The column of the part on the desk beside the call. */
  column: 'left' | 'middle' | 'right';
  shown: Component<{ chairing: Chairing; busy: boolean }>;
}

export const PARTS = [
  { name: 'floor', column: 'left', shown: FloorPart },
  { name: 'people', column: 'right', shown: Units },
  { name: 'agenda', column: 'left', shown: AgendaPart },
  { name: 'breaks', column: 'middle', shown: BreaksPart },
  { name: 'votes', column: 'middle', shown: VotesPart },
  { name: 'roll', column: 'middle', shown: RollPart },
  { name: 'rules', column: 'middle', shown: RulesPart },
] as const satisfies readonly Part[];
