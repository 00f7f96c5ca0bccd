/** The kinds of records in the directory, as columns and fields. One form and one table serve all kinds. */
import type { AnyKey } from '../../i18n/desk.svelte';
import { findHalls, findNetworks, findOrAddSites, findSites, findUnits } from '../fields/lookups';
import type { Option } from '../fields/Picker.svelte';

export type Row = Record<string, unknown> & { id: string; version?: number };

export interface Field {
  name: string;
  label: AnyKey;
  kind: 'text' | 'long' | 'number' | 'tick' | 'choice' | 'ticks' | 'day' | 'pick' | 'lines';
  required?: boolean;
  /** The codes of a choice. Their texts are `${words}.${code}`. */
  choices?: readonly string[];
  words?: string;
  find?: (typed: string) => Promise<Option[]>;
  /** The route that gives the name of an identifier. */
  path?: string;
  initial?: unknown;
  hint?: AnyKey;
}

export interface Column {
  name: string;
  label: AnyKey;
  words?: string;
  /** Fields that stand in small letters below the value. */
  below?: readonly string[];
}

export interface Kind {
  id: string;
  path: string;
  title: AnyKey;
  one: AnyKey;
  columns: Column[];
  fields: Field[];
  writes: string;
  imports: boolean;
}

const BLOCKS = ['party', 'council', 'government', 'front', 'other'] as const;
/** Other kinds come by import. The form of a unit keeps them. */
const UNIT_KINDS = ['province', 'committee', 'office', 'department', 'board', 'organisation', 'division', 'institution', 'commune', 'ward', 'special_zone', 'other'] as const;
const CODE: Field = { name: 'code', label: 'field.code', kind: 'text', required: true, hint: 'field.codeHint' };
const NOTE: Field = { name: 'note', label: 'field.note', kind: 'long' };
const unitField = (name: string, label: AnyKey, required = false): Field => ({ name, label, kind: 'pick', find: findUnits, path: '/units', required });
const siteField: Field = { name: 'site_id', label: 'field.site', kind: 'pick', find: findOrAddSites, path: '/sites', required: true };

export const KINDS: Kind[] = [
  {
    id: 'units',
    path: '/units',
    title: 'dir.units',
    one: 'dir.unit',
    writes: 'org.write',
    imports: true,
    columns: [
      { name: 'name', label: 'field.name' },
      { name: 'tier', label: 'field.tier', words: 'tier' },
      { name: 'block', label: 'field.block', words: 'block' },
      { name: 'symbol', label: 'field.symbol' },
      { name: 'phone', label: 'field.phone' },
    ],
    fields: [
      { name: 'name', label: 'field.name', kind: 'text', required: true },
      CODE,
      { name: 'short_name', label: 'field.shortName', kind: 'text' },
      unitField('parent_id', 'field.parent'),
      { name: 'tier', label: 'field.tier', kind: 'choice', choices: ['0', '1', '3'], words: 'tier', initial: '1' },
      { name: 'block', label: 'field.block', kind: 'choice', choices: BLOCKS, words: 'block', initial: 'government' },
      { name: 'kind', label: 'field.kind', kind: 'choice', choices: UNIT_KINDS, words: 'unitkind', initial: 'department' },
      { name: 'symbol', label: 'field.symbol', kind: 'text', hint: 'field.symbolHint' },
      { name: 'address', label: 'field.address', kind: 'text' },
      { name: 'email', label: 'field.email', kind: 'text' },
      { name: 'phone', label: 'field.phone', kind: 'text' },
      { name: 'distance_km', label: 'field.distance', kind: 'number', initial: 0 },
      { name: 'position', label: 'field.position', kind: 'number', initial: 0, hint: 'field.positionHint' },
      { name: 'valid_from', label: 'field.validFrom', kind: 'day' },
      { name: 'valid_to', label: 'field.validTo', kind: 'day' },
    ],
  },
  {
    id: 'people',
    path: '/people',
    title: 'dir.people',
    one: 'dir.person',
    writes: 'people.write',
    imports: true,
    columns: [
      { name: 'name', label: 'field.personName' },
      { name: 'title', label: 'field.post' },
      { name: 'unit_name', label: 'field.unit' },
      { name: 'email', label: 'field.email' },
      { name: 'phone', label: 'field.phone' },
    ],
    fields: [
      { name: 'name', label: 'field.personName', kind: 'text', required: true },
      CODE,
      unitField('unit_id', 'field.unit', true),
      { name: 'email', label: 'field.email', kind: 'text' },
      { name: 'phone', label: 'field.phone', kind: 'text' },
      { name: 'active', label: 'field.active', kind: 'tick', initial: true },
    ],
  },
  {
    id: 'posts',
    path: '/posts',
    title: 'dir.posts',
    one: 'dir.post',
    writes: 'org.write',
    imports: true,
    columns: [
      { name: 'title', label: 'field.post' },
      { name: 'unit_name', label: 'field.unit' },
      { name: 'holder_name', label: 'field.holder' },
      { name: 'signs_as', label: 'field.signsAs' },
    ],
    fields: [
      unitField('unit_id', 'field.unit', true),
      { name: 'title', label: 'field.post', kind: 'text', required: true },
      { name: 'rank', label: 'field.rank', kind: 'number', initial: 100 },
      { name: 'is_head', label: 'field.isHead', kind: 'tick', initial: false },
      { name: 'signs_as', label: 'field.signsAs', kind: 'choice', choices: ['', 'TM.', 'KT.', 'TL.', 'TUQ.'], initial: '' },
    ],
  },
  {
    id: 'sites',
    path: '/sites',
    title: 'dir.sites',
    one: 'dir.site',
    writes: 'sites.write',
    imports: true,
    columns: [
      { name: 'name', label: 'field.name' },
      { name: 'unit_name', label: 'field.unit' },
      { name: 'capability', label: 'field.capability', words: 'capability' },
      { name: 'technician', label: 'field.technician' },
      { name: 'technician_phone', label: 'field.phone' },
    ],
    fields: [
      { name: 'name', label: 'field.name', kind: 'text', required: true },
      CODE,
      unitField('unit_id', 'field.unit', true),
      { name: 'capability', label: 'field.capability', kind: 'choice', choices: ['hall', 'pc', 'none'], words: 'capability', initial: 'hall' },
      { name: 'address', label: 'field.address', kind: 'text' },
      { name: 'technician', label: 'field.technician', kind: 'text' },
      { name: 'technician_phone', label: 'field.technicianPhone', kind: 'text' },
      { name: 'nearest_site_id', label: 'field.nearest', kind: 'pick', find: findSites, path: '/sites' },
      NOTE,
    ],
  },
  {
    id: 'halls',
    path: '/halls',
    title: 'dir.halls',
    one: 'dir.hall',
    writes: 'sites.write',
    imports: true,
    columns: [
      { name: 'name', label: 'field.name' },
      { name: 'site_name', label: 'field.site' },
      { name: 'seats', label: 'field.seats' },
      { name: 'bookable', label: 'field.bookable' },
    ],
    fields: [
      { name: 'name', label: 'field.name', kind: 'text', required: true },
      CODE,
      siteField,
      { name: 'seats', label: 'field.seats', kind: 'number', required: true, initial: 40 },
      { name: 'equipment', label: 'field.equipment', kind: 'ticks', choices: ['projector', 'second_screen', 'interpreter', 'recorder', 'microphones'], words: 'equipment', initial: [] },
      { name: 'setup_min', label: 'field.setup', kind: 'number', initial: 15 },
      { name: 'clearup_min', label: 'field.clearup', kind: 'number', initial: 15 },
      { name: 'bookable', label: 'field.bookable', kind: 'tick', initial: true },
      { name: 'needs_approval', label: 'field.needsApproval', kind: 'tick', initial: true },
      { name: 'main', label: 'field.mainHall', kind: 'tick', initial: false, hint: 'field.mainHallHint' },
      NOTE,
    ],
  },
  {
    id: 'terminals',
    path: '/terminals',
    title: 'dir.terminals',
    one: 'dir.terminal',
    writes: 'sites.write',
    imports: true,
    columns: [
      { name: 'name', label: 'field.name', below: ['model', 'sip_uri'] },
      { name: 'site_name', label: 'field.site' },
      { name: 'profile', label: 'field.profile', words: 'picture' },
      { name: 'bandwidth_kbps', label: 'field.bandwidth' },
      { name: 'active', label: 'field.inUse' },
    ],
    fields: [
      { name: 'name', label: 'field.name', kind: 'text', required: true },
      CODE,
      siteField,
      { name: 'hall_id', label: 'field.hall', kind: 'pick', find: findHalls, path: '/halls' },
      { name: 'vendor', label: 'field.vendor', kind: 'text' },
      { name: 'model', label: 'field.model', kind: 'text' },
      { name: 'protocols', label: 'field.protocols', kind: 'ticks', choices: ['sip', 'h323', 'pc'], words: 'protocol', initial: ['sip'], hint: 'field.protocolsHint' },
      { name: 'sip_uri', label: 'field.sip', kind: 'text', hint: 'field.sipHint' },
      { name: 'network_id', label: 'field.network', kind: 'pick', find: findNetworks, path: '/networks' },
      { name: 'profile', label: 'field.profile', kind: 'choice', choices: ['1080p', '720p', 'baseline-720p', 'cif'], words: 'picture', initial: '720p', hint: 'field.profileHint' },
      { name: 'bandwidth_kbps', label: 'field.bandwidth', kind: 'number', required: true, initial: 10000, hint: 'field.bandwidthHint' },
      { name: 'codecs', label: 'field.codecs', kind: 'ticks', choices: ['h264', 'opus', 'g722', 'g711'], words: 'codec', initial: [], hint: 'field.codecsHint' },
      { name: 'shows_content', label: 'field.content', kind: 'tick', initial: true, hint: 'field.contentHint' },
      { name: 'encrypts', label: 'field.encrypts', kind: 'tick', initial: true, hint: 'field.encryptsHint' },
      { name: 'dialled', label: 'field.dialled', kind: 'tick', initial: true },
      { name: 'language', label: 'field.language', kind: 'choice', choices: ['vi', 'en'], words: 'language', initial: 'vi' },
      { name: 'active', label: 'field.inUse', kind: 'tick', initial: true },
      NOTE,
    ],
  },
  {
    id: 'networks',
    path: '/networks',
    title: 'dir.networks',
    one: 'dir.network',
    writes: 'sites.write',
    imports: false,
    columns: [
      { name: 'name', label: 'field.name' },
      { name: 'ranges', label: 'field.ranges' },
      { name: 'closed', label: 'field.closed' },
      { name: 'terminals', label: 'field.terminalsCall' },
    ],
    fields: [
      { name: 'name', label: 'field.name', kind: 'text', required: true },
      CODE,
      { name: 'ranges', label: 'field.ranges', kind: 'lines', initial: [], hint: 'field.rangesHint' },
      { name: 'closed', label: 'field.closedLong', kind: 'tick', initial: false },
      { name: 'terminals', label: 'field.terminalsCall', kind: 'tick', initial: false, hint: 'field.terminalsCallHint' },
    ],
  },
];
