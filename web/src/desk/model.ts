/** What the server's JSON routes take and give, as far as the desk uses it. The same names as `signaling/api/models`. */
export type ClassName = 'important' | 'ordinary';
export type MeetingState = 'held' | 'asked' | 'approved' | 'refused' | 'cancelled' | 'expired';
export type DateState = 'planned' | 'skipped' | 'postponed' | 'cancelled' | 'running' | 'ended' | 'released';
export type Answer = 'none' | 'accepted' | 'declined' | 'tentative';

export interface HeldRole {
  role: string;
  unit_id: string;
  unit_name: string;
  for_person: string;
  for_person_name: string;
}
export interface Me {
  account_id: string;
  name: string;
  person_id: string | null;
  person_name: string;
  title: string;
  unit_id: string | null;
  unit_name: string;
  language: 'vi' | 'en';
  roles: HeldRole[];
  actions: string[];
}
export interface Session {
  signed_in: boolean;
  me: Me | null;
  second_factor: 'none' | 'needed' | 'enrol' | 'done';
  totp: boolean;
  has_password: boolean;
  must_change: boolean;
  issuer: string | null;
  /** Mail goes out: invitees are told by themselves. */
  mails: boolean;
  /** Hall terminals may be connected. */
  halls: boolean;
  /** Calls of this browser that signing out ends. */
  calls: number;
}
export interface Unit {
  id: string;
  code: string;
  name: string;
  short_name: string;
  symbol: string;
  kind: string;
  tier: number;
  block: string;
  parent_id: string | null;
  path: string;
  address: string;
  email: string;
  phone: string;
  distance_km: number;
  position: number;
  valid_from: string;
  valid_to: string | null;
  version: number;
}
export interface SuccessionReport {
  applied: boolean;
  unit: string;
  moved: Record<string, number>;
  notes: string[];
}
export interface Person {
  id: string;
  code: string;
  name: string;
  email: string;
  phone: string;
  unit_id: string;
  unit_name: string;
  title: string;
  active: boolean;
  version: number;
}
export interface Deputy {
  id: string;
  person_id: string;
  person_name: string;
  deputy_id: string;
  deputy_name: string;
  starts_at: string;
  ends_at: string;
  reason: string;
  revoked_at: string | null;
  in_force: boolean;
  roles: { role: string; unit_id: string; unit_name: string }[];
}
export interface RecipientRule {
  unit_id: string | null;
  below: boolean;
  kind: string | null;
  tier: number | null;
  block: string | null;
  excludes: boolean;
}
export interface RecipientSet {
  id: string;
  code: string;
  name: string;
  owner_unit_id: string;
  rules: RecipientRule[];
  size: number;
}
export interface ImportReport {
  kind: string;
  applied: boolean;
  rows: number;
  created: number;
  changed: number;
  unchanged: number;
  troubles: { code: string; vi: string; en: string; where: string; detail: Record<string, unknown> }[];
  digest: string;
}
export interface Site {
  id: string;
  code: string;
  name: string;
  unit_id: string;
  unit_name: string;
  capability: 'hall' | 'pc' | 'none';
  address: string;
  technician: string;
  technician_phone: string;
  note: string;
  version: number;
}
export interface Hall {
  id: string;
  code: string;
  name: string;
  site_id: string;
  site_name: string;
  unit_id: string;
  seats: number;
  equipment: string[];
  setup_min: number;
  clearup_min: number;
  bookable: boolean;
  needs_approval: boolean;
  /** The one hall of its site that is called when its unit is invited. */
  main: boolean;
  note: string;
  version: number;
}
export interface Terminal {
  id: string;
  code: string;
  name: string;
  site_id: string;
  site_name: string;
  hall_name: string;
  hall_id: string | null;
  vendor: string;
  model: string;
  protocols: string[];
  sip_uri: string;
  h323_alias: string;
  e164: string;
  profile: string;
  active: boolean;
  tested_at: string | null;
  note: string;
  version: number;
}
export interface MeetingType {
  code: string;
  name: string;
  name_en: string;
  default_class: ClassName;
  duration_min: number;
  notice_days: number;
  conclusion_days: number;
  internal: boolean;
  precedence: number;
  position: number;
}
export interface AgendaItem {
  title: string;
  presenter: string;
  minutes: number;
}
export interface AttendeeFields {
  unit_id?: string;
  person_id?: string;
  set_id?: string;
  guest_name?: string;
  guest_email?: string;
  label?: string;
  role?: string;
  required?: boolean;
  must_be_head?: boolean;
}
export interface DocumentFields {
  number: string;
  dated?: string | null;
  issuer?: string;
  subject?: string;
  link?: string;
}
export interface MeetingFields {
  title: string;
  type_code: string;
  class: ClassName;
  host_unit_id: string;
  starts_at: string;
  duration_min: number;
  rule: string;
  chair_id: string | null;
  secretary_id: string | null;
  operator_id: string | null;
  hall_ids: string[];
  terminal_ids: string[];
  attendees: AttendeeFields[];
  documents: DocumentFields[];
  agenda: AgendaItem[];
  description: string;
  public: boolean;
  lobby: boolean;
  connect: Connect;
  /** Terminals of the call list that are not called. */
  uncalled_ids: string[];
  /** Local days of a series that are listed but not booked. */
  skip: string[];
  skip_clashes: boolean;
  urgent_reason: string;
  submit: boolean;
}
export interface Reservation {
  kind: string;
  resource_id: string;
  name: string;
  starts_at: string;
  ends_at: string;
}
export interface Occurrence {
  id: string;
  meeting_id: string;
  starts_at: string;
  ends_at: string;
  state: DateState;
  moved: boolean;
  reason_code: string;
  reason: string;
  opened_at: string | null;
  closed_at: string | null;
  opens_at: string | null;
  reservations: Reservation[];
}
export interface Step {
  id: string;
  round: number;
  step: number;
  unit_id: string;
  unit_name: string;
  role: string;
  state: string;
  deadline: string | null;
  decided_at: string | null;
  decided_by: string;
  decided_by_name: string;
  decided_for: string;
  reason: string;
}
/** An answer that counts for one date of a series. */
export interface DateAnswer {
  occurrence_id: string;
  starts_at: string;
  answer: Answer;
  comment: string;
  answered_at: string;
}
export interface Attendee {
  id: string;
  unit_id: string | null;
  unit_name: string;
  site_id: string | null;
  person_id: string | null;
  guest_name: string;
  guest_email: string;
  label: string;
  role: string;
  required: boolean;
  must_be_head: boolean;
  answer: Answer;
  answered_at: string | null;
  answered_by: string;
  comment: string;
  substitute_name: string;
  substitute_post: string;
  substitute_state: string;
  /** Where a date that is still to come was answered differently. */
  dates: DateAnswer[];
}
export interface MeetingSummary {
  id: string;
  number: string | null;
  title: string;
  type_code: string;
  class: ClassName;
  state: MeetingState;
  host_unit_id: string;
  host_unit_name: string;
  starts_at: string;
  ends_at: string;
  rule: string;
  public: boolean;
  version: number;
}
export interface Meeting {
  id: string;
  number: string | null;
  pin: string;
  title: string;
  type_code: string;
  type_name: string;
  type_name_en: string;
  class: ClassName;
  state: MeetingState;
  host_unit_id: string;
  host_unit_name: string;
  chair_id: string | null;
  chair_name: string;
  secretary_id: string | null;
  operator_id: string | null;
  created_at: string;
  updated_at: string;
  description: string;
  agenda: AgendaItem[];
  documents: DocumentFields[];
  public: boolean;
  lobby: boolean;
  connect: Connect;
  /** Its secretary is still to say whether the server calls its halls. */
  connect_asked: boolean;
  calls: CallLine[];
  call_gaps: CallGap[];
  legs: number;
  starts_at: string;
  duration_min: number;
  rule: string;
  hold_until: string | null;
  /** Why it cannot wait for the time to book ahead, or displaces others. */
  precedence_reason: string;
  reason_code: string;
  reason: string;
  hall_ids: string[];
  terminal_ids: string[];
  occurrences: Occurrence[];
  pending: PendingChange | null;
  steps: Step[];
  attendees: Attendee[];
  /** The last day on which the invitation is in time. */
  notice_due: string | null;
  undo_until: string | null;
  can: string[];
  version: number;
}
export interface InTheWay {
  occurrence_id: string;
  title: string;
  unit: string;
  starts_at: string;
  ends_at: string;
  why_not: string;
}
export interface Displaced {
  meeting: Meeting;
  moved: { occurrence_id: string; meeting_id: string; title: string; unit: string; was: string; to: string | null }[];
}
export interface Change {
  version: number;
  at: string;
  by: string;
  by_name: string;
  action: string;
  summary: string;
  undo_until: string | null;
  undone: boolean;
}
export interface Letter {
  id: string;
  kind: string;
  number: string;
  symbol: string;
  dated: string;
  sequence: number;
  created_at: string;
}
export interface LetterTemplate {
  id: string;
  unit_id: string;
  kind: string;
  name: string;
  uploaded_at: string;
}
export interface Clash {
  kind: string;
  resource_id: string;
  name: string;
  starts_at: string;
  ends_at: string;
  meeting_id: string;
  title: string;
  vi: string;
  en: string;
  /** Without the ways out. */
  fact_vi: string;
  fact_en: string;
  free_times: { starts_at: string; ends_at: string }[];
  equivalent_halls: { id: string; name: string }[];
}
export interface PreviewDate {
  starts_at: string;
  ends_at: string;
  clashes: Clash[];
  off: string;
  /** Why the unit does not meet then. */
  trouble: string;
  trouble_en: string;
  skipped: boolean;
}
export interface Preview {
  dates: PreviewDate[];
  clashing: number;
  bookable: boolean;
  needs_approval: boolean;
  class: ClassName;
  warnings: { code: string; vi: string; en: string }[];
  attendees: number;
  calls: CallLine[];
  call_gaps: CallGap[];
}
/** The server calls the halls, or they dial in. */
export type Connect = 'call' | 'dial_in';
/** A terminal of the call list: it stands in a booked hall, is of an invited unit, or was added. */
export interface CallLine {
  terminal_id: string;
  terminal_name: string;
  hall_name: string;
  site_name: string;
  unit_id: string | null;
  unit_name: string;
  why: 'hall' | 'unit' | 'added';
  /** Taken out of the list. */
  out: boolean;
  called: boolean;
  closed: boolean;
}
/** A booked hall or an invited unit without a terminal to call. */
export interface CallGap {
  why: 'hall' | 'unit';
  id: string;
  name: string;
  reason: 'no_terminal' | 'many_halls';
}
export interface BoardHall {
  id: string;
  name: string;
  site_id: string;
  site_name: string;
  unit_id: string;
  unit_name: string;
  seats: number;
  bookable: boolean;
}
export interface BoardEntry {
  occurrence_id: string;
  meeting_id: string;
  hall_id: string;
  title: string;
  class: ClassName;
  state: DateState;
  meeting_state: MeetingState;
  starts_at: string;
  ends_at: string;
  reserved_from: string;
  reserved_to: string;
  host_unit_name: string;
  mine: boolean;
}
export interface Board {
  starts_at: string;
  ends_at: string;
  halls: BoardHall[];
  entries: BoardEntry[];
  off: Record<string, string>;
}
export interface Slot {
  hall_id: string;
  hall_name: string;
  site_name: string;
  seats: number;
  starts_at: string;
  ends_at: string;
}
/** One field of a change, in words. */
export interface ChangedField {
  name: string;
  before: string;
  after: string;
}
/** A change of an approved meeting that waits for its approval. */
export interface PendingChange {
  by: string;
  by_name: string;
  at: string;
  scope: string;
  occurrence_id: string;
  lines: ChangedField[];
}
export interface Approval {
  change: ChangedField[];
  step_id: string;
  step: number;
  meeting_id: string;
  title: string;
  class: ClassName;
  host_unit_id: string;
  host_unit_name: string;
  starts_at: string;
  ends_at: string;
  rule: string;
  requested_by_name: string;
  deadline: string | null;
  version: number;
}
export interface MyMeeting {
  occurrence_id: string;
  meeting_id: string;
  title: string;
  class: ClassName;
  state: DateState;
  meeting_state: MeetingState;
  starts_at: string;
  ends_at: string;
  opens_at: string;
  host_unit_name: string;
  role: string;
  /** What counts for this date; `answered_alone`: it was given for this date and not for all of the series. */
  answer: Answer | '';
  answered_alone: boolean;
  series: boolean;
  attendee_id: string;
  may_answer: boolean;
  place: string;
  can_enter: boolean;
  why_not: string;
}
export interface BookedPass {
  token: string;
  url: string;
  identity: string;
  conference: string;
  title: string;
  name: string;
}
export interface JoinView {
  title: string;
  host_unit_name: string;
  class: ClassName;
  starts_at: string;
  ends_at: string;
  opens_at: string;
  name: string;
  code: string;
  vi: string;
  en: string;
}
/** What is sent as an answer: to all of a meeting, or to one date of a series. */
export interface AnswerFields {
  answer: Answer;
  comment: string;
  occurrence_id?: string;
  substitute_name?: string;
  substitute_post?: string;
}
/** A date of a series that is still to come; `answer`: given for it alone. */
export interface DatedAnswer {
  occurrence_id: string;
  starts_at: string;
  ends_at: string;
  answer: Answer | '';
  comment: string;
}
export interface AnswerView {
  title: string;
  host_unit_name: string;
  starts_at: string;
  ends_at: string;
  label: string;
  place: string;
  chair: string;
  class: ClassName;
  dates: DatedAnswer[];
  required: boolean;
  must_be_head: boolean;
  answer: Answer;
  comment: string;
  substitute_name: string;
  substitute_post: string;
  substitute_state: string;
  open: boolean;
}
export interface PublicSchedule {
  starts_at: string;
  ends_at: string;
  meetings: { title: string; host_unit_name: string; starts_at: string; ends_at: string; place: string; chair: string; occurrence_id: string }[];
}
export interface KeptRequest {
  id: string;
  unit_id: string;
  name: string;
  request: Partial<MeetingFields>;
}
export interface AttendeeList {
  id: string;
  unit_id: string;
  name: string;
  entries: AttendeeFields[];
}
export interface Rule {
  unit_id: string;
  inherited_from: string | null;
  opens_min: number;
  closes_min: number;
  weekends: boolean;
  ahead_min: number;
  ahead_days: number;
  meetings_a_week: number;
  hours_a_month: number;
  approval_hours: number;
  hold_hours: number;
  release_min: number;
}
export interface Holiday {
  day: string;
  name: string;
  works: boolean;
  official: boolean;
}
export interface Setting {
  name: string;
  value: Record<string, unknown>;
  version: number;
}
