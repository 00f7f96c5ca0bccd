/** The texts of the call together with the common texts. They load only with the call. */
import { callEn } from './call-en';
import { callVi, type CallKey } from './call-vi';
import { agendaEn } from './chair/agenda-en';
import { agendaVi, type AgendaKey } from './chair/agenda-vi';
import { breaksEn } from './chair/breaks-en';
import { breaksVi, type BreaksKey } from './chair/breaks-vi';
import { chairEn } from './chair/en';
import { rollEn } from './chair/roll-en';
import { rollVi, type RollKey } from './chair/roll-vi';
import { chairVi, type ChairKey } from './chair/vi';
import { votesEn } from './chair/votes/en';
import { votesVi, type VotesKey } from './chair/votes/vi';
import { filled, language, t as common, type Key } from './index.svelte';

type CallsKey = CallKey | AgendaKey | BreaksKey | ChairKey | RollKey | VotesKey;
export type AnyKey = Key | CallsKey;

const OWN_VI: Record<CallsKey, string> = { ...callVi, ...agendaVi, ...breaksVi, ...chairVi, ...rollVi, ...votesVi };
const OWN_EN: Record<CallsKey, string> = { ...callEn, ...agendaEn, ...breaksEn, ...chairEn, ...rollEn, ...votesEn };

/** Return the text of a key in the chosen language, with its `{values}` filled in. */
export function t(key: AnyKey, values: Record<string, string | number> = {}): string {
  if (!isOfCall(key)) return common(key, values);
  return filled((language() === 'vi' ? OWN_VI : OWN_EN)[key], values);
}

function isOfCall(key: string): key is CallsKey {
  return key in OWN_VI;
}
