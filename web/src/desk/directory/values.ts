/** The values of a record's form: how they begin, and how they are sent. */
import type { Field } from './kinds';

export type Values = Record<string, unknown>;

/** Return the first values of a form from a stored record. Null: a new record. */
export function begun(fields: readonly Field[], row: Values | null): Values {
  return Object.fromEntries(fields.map((field) => [field.name, first(field, row)]));
}

function first(field: Field, row: Values | null): unknown {
  const value = row?.[field.name] ?? field.initial ?? (field.kind === 'tick' ? false : field.kind === 'pick' || field.kind === 'day' ? null : '');
  if (field.kind === 'choice') return String(value);
  if (field.kind === 'lines' && Array.isArray(value)) return value.join('\n');
  return Array.isArray(value) ? [...(value as unknown[])] : value;
}

/** Return the values as the server reads them. */
export function sent(fields: readonly Field[], values: Values): Values {
  return Object.fromEntries(fields.map((field) => [field.name, ready(field, values[field.name])]));
}

function ready(field: Field, value: unknown): unknown {
  if (field.kind === 'number') return Number(value) || 0;
  if (field.kind === 'choice') return /^\d$/.test(String(value)) ? Number(value) : value;
  if (field.kind === 'day') return value || null;
  if (field.kind === 'lines') return String(value).split(/[\n,;]+/).map((line) => line.trim()).filter((line) => line !== '');
  return typeof value === 'string' ? value.trim() : value;
}
