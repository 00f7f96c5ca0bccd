/** The profiles of hall terminals as the server has them, and the changes of a form. Pure. */
import type { DeviceProfile } from '../../server/model';

export const CHOICES = {
  transports: ['tls', 'tcp', 'udp'],
  audio: ['opus', 'g722', 'pcma', 'pcmu'],
  feedback: ['nack', 'pli', 'fir', 'tmmbr'],
  keyframes: ['pli', 'fir', 'info'],
  floor: ['udp', 'tcp'],
} as const;
export const LEVELS: DeviceProfile['max_level'][] = [10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52];
export const MODES: DeviceProfile['modes'][] = [[1, 0], [0, 1], [0], [1]];
/** The usual names. */
export const CALLED: Record<string, string> = {
  tls: 'TLS', tcp: 'TCP', udp: 'UDP', opus: 'Opus', g722: 'G.722', pcma: 'G.711 A', pcmu: 'G.711 µ', nack: 'NACK', pli: 'PLI', fir: 'FIR', tmmbr: 'TMMBR', info: 'SIP INFO',
};

export function called(names: readonly string[]): string {
  return names.map((name) => CALLED[name] ?? name).join(', ');
}

/** Return the level as text: `31` is level 3.1. */
export function levelOf(level: number): string {
  return `${Math.floor(level / 10)}.${level % 10}`;
}

/** Return the lines of the text, without empty lines and repetitions. */
export function wordsOf(text: string): string[] {
  return [...new Set(text.split('\n').map((line) => line.trim()).filter((line) => line !== ''))];
}

/** Return the fields to send: the profile without the fields that the server sets. */
export function fieldsOf(profile: DeviceProfile): Omit<DeviceProfile, 'name' | 'kind' | 'changed_at' | 'changed_by'> {
  const { name: _name, kind: _kind, changed_at: _at, changed_by: _by, ...fields } = profile;
  return fields;
}

/** Return the choices with one switched on or off. A choice that is switched on becomes the last. */
export function turned<Name>(chosen: readonly Name[], name: Name, on: boolean): Name[] {
  const others = chosen.filter((one) => one !== name);
  return on ? [...others, name] : others;
}

/** Return the choices with one moved a place nearer to the front. */
export function sooner<Name>(chosen: readonly Name[], name: Name): Name[] {
  const place = chosen.indexOf(name);
  if (place < 1) return [...chosen];
  const next = [...chosen];
  [next[place - 1], next[place]] = [next[place]!, next[place - 1]!];
  return next;
}
