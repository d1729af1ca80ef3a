// SPDX-License-Identifier: Apache-2.0
//
// Asking the REST interface. Requests go one after the other, so that a page holds one connection:
// each holds a thread of slipwayd. The session's cookie is the browser's matter; no script sees it.

/** A problem document (RFC 9457), or what stands for one where nothing answered. */
export class Problem extends Error {
  constructor(readonly status: number, readonly title: string, detail: string) {
    super(detail);
  }
}

export interface Answer<T> {
  value: T;
  tag: string | null;
  next: string | null; // where the list goes on
  unchanged: boolean;
}

let last: Promise<unknown> = Promise.resolve();

function inTurn<T>(ask: () => Promise<T>): Promise<T> {
  const mine = last.then(ask, ask);
  last = mine.catch(() => undefined);
  return mine;
}

const TIMEOUT = 15_000;

async function send(method: string, path: string, headers: Record<string, string>, body?: unknown) {
  const abort = AbortSignal.timeout(TIMEOUT);
  const options: RequestInit = { method, headers, signal: abort, credentials: 'same-origin', cache: 'no-store' };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    headers['Content-Type'] = 'application/json';
  }
  try {
    return await fetch(path, options);
  } catch {
    throw new Problem(0, 'No answer', 'slipwayd does not answer. Is it running, and is the way to it open?');
  }
}

export function problemOf(status: number, statusText: string, text: string): Problem {
  try {
    const { title, detail } = JSON.parse(text) as { title: string; detail: string };
    return new Problem(status, title, detail);
  } catch {
    return new Problem(status, statusText || `Status ${status}`, text.slice(0, 300));
  }
}

/** Whom to tell that the session is over. */
export const signedOut = { tell: () => undefined as void };

async function ask<T>(method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<Answer<T>> {
  const response = await send(method, path, headers, body);
  const tag = response.headers.get('ETag');
  const next = /<([^>]*)>; rel="next"/.exec(response.headers.get('Link') ?? '')?.[1] ?? null;
  if (response.status === 304) return { value: undefined as T, tag, next, unchanged: true };
  if (!response.ok) {
    const problem = problemOf(response.status, response.statusText, await response.text());
    if (problem.status === 401 && !headers['Authorization']) signedOut.tell();
    throw problem;
  }
  const text = await response.text();
  return { value: (text ? JSON.parse(text) : undefined) as T, tag, next, unchanged: false };
}

/** Is a request, so that the session stays; what becomes of it changes nothing, and nobody is told. */
export function keepSession(): void {
  inTurn(() => send('GET', '/api/v1/whoami', {})).catch(() => undefined);
}

export function get<T>(path: string, tag?: string | null): Promise<Answer<T>> {
  return inTurn(() => ask<T>('GET', path, tag ? { 'If-None-Match': tag } : {}));
}

/** The same, of what there may be none of: null. */
export async function getIfThere<T>(path: string): Promise<Answer<T> | null> {
  try {
    return await get<T>(path);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

export function change<T>(method: 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown, over?: Record<string, string>): Promise<T> {
  return inTurn(async () => (await ask<T>(method, path, { ...over }, body)).value);
}

/** A list whole, page after page. */
export async function getAll<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  for (let next: string | null = path; next !== null;) {
    const page: Answer<T[]> = await get<T[]>(next);
    items.push(...page.value);
    next = page.next;
  }
  return items;
}

/** What `change` sends so that only something new is made, or only what was read is replaced. */
export const ONLY_NEW = { 'If-None-Match': '*' };
export const onlyOver = (tag: string) => ({ 'If-Match': tag });

/** Makes what there is none of yet (`tag` null), or replaces what was read under that tag. `instead`: what to do where there is one. */
export async function put<T>(path: string, body: unknown, tag: string | null, instead: string): Promise<T> {
  try {
    return await change<T>('PUT', path, body, tag === null ? ONLY_NEW : onlyOver(tag));
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 412 || tag !== null) throw error;
    throw new Problem(412, 'It is there already', instead);
  }
}

/** The token goes out once, in a header, and is kept nowhere. */
export function signIn(token: string): Promise<Who> {
  return inTurn(async () => (await ask<Who>('POST', '/api/v1/session', { Authorization: `Bearer ${token}` })).value);
}

// --- what the documents of docs/api.md look like --------------------------------------------------

export type Role = 'viewer' | 'operator' | 'admin';
export interface Who { name: string; role: Role; scope: string; address: string }

export interface Status {
  workers: number; connections: number; bytes_sent: number;
  machines_served: number; machines_served_at_most: number; machines_waiting: number;
  expected_wait_seconds: number | null; image_sets: number;
  boots_complete: number; boots_failed: number; boots_abandoned: number; warnings: string[];
}

export interface Worker {
  worker: number; at: number;
  cycles: { busy: number; idle: number };
  received: { frames: number; bytes: number };
  sent: { frames: number; bytes: number; payload_bytes: number; retransmissions: number };
  pool: { used: number; permille: number };
  connections: { open: number; opened: number };
  events_lost: number;
}
export interface Workers {
  boots: { under_way: number; complete: number; failed: number; abandoned: number };
  workers: Worker[];
}

export interface Drop { name: string; count: number; severity: 'normal' | 'peer' | 'load'; sentence: string }

export type Outcome = 'under way' | 'complete' | 'failed' | 'abandoned';
export interface Loading { path: string; bytes: number; of: number }
export interface Boot {
  id: number; mac: string; address: string; began: number; seconds: number;
  outcome: Outcome; words: string; cause: string; tls: string; bytes: number; loading: Loading | null;
}
export interface Step {
  at: number; kind: string; words: string; number: number; extra: number; connection: number; text: string;
}
export interface BootFirmware { client: 'http' | 'ipxe' | 'pxe'; dhcp: string; tcp: string; tls: string; like: string } // empty: not seen
export interface SeenFirmware extends BootFirmware { since: number }
export interface Story extends Boot { steps: Step[]; steps_left_out: number; firmware: BootFirmware | null }

export interface Cause { id: string; verdict: 'fine' | 'pending' | 'failed'; sentence: string; seen: string; remedy: string[] }
export interface Diagnosis {
  mac: string; cause: string; verdict: 'fine' | 'pending' | 'failed'; certainty: string; sentence: string;
  detail: string; evidence: { at: number | null; words: string }[]; remedy: string[];
  boot: number | null; tries_again: boolean; outcomes: Record<string, number>;
}
export interface Explanation {
  network: string; machine: string; decided_by: string; action: string; image_set: string; uri: string; words: string;
  steps: { rule: string; decides: boolean; words: string }[];
  unmet_needs: string[]; // of the image set's, with what helps: "needs memory-mib=2048, and ..."
}

export interface Machine {
  id: number; mac: string; uuid: string; name: string; serial: string; image_set: string;
  groups: string[]; labels: Record<string, string>; variables: Record<string, string>; script: string; mode: string; hold: boolean; approved: boolean;
  boots_completed: number; boots_failed: number; firmware: SeenFirmware[];
}

export interface HeldMachine {
  machine: string; mac: string; uuid: string; architecture: string; client: string; vendor_class: string; network: string; relay: string;
  rule: string; first_asked: number; last_asked: number; asked: number; known: boolean; name: string;
}

export interface Finding { severity: 'note' | 'warning' | 'refusal'; code: string; words: string; remedy: string }
export interface FileVerdict {
  path: string; architecture: string; role: string; outcome: string; words: string; findings: Finding[];
  signatures: { accepted_by: string[]; refused: string; chain: { name: string; subject: string }[] }[];
}
export interface Verdict { outcome: string; words: string; is_current?: boolean; refused_since?: number; is_assigned?: boolean; files?: FileVerdict[]; judged_by?: string[] }
export interface ImageSet {
  reference: string; digest: string; created: number; bytes: number; loaded: boolean;
  boot: Record<string, string>; secure_boot: Verdict | null; layout: { title: string } | null;
  files: { path: string; digest: string; bytes: number; media_type: string }[];
}
export interface VersionBoots { digest: string; complete: number; failed: number; last_failure: string }
export interface Rollout {
  stable: string; candidate: string; candidate_digest: string; stable_digest: string; selector: string; percent: number; failures_max: number;
  stable_boots: VersionBoots | null; candidate_boots: VersionBoots | null; machines: number;
}
export interface Pull {
  id: number; source: string; reference: string; state: string; doing: string;
  bytes: number; bytes_total: number; bytes_resumed: number; digest: string; error: string;
}

export interface Network {
  name: string; subnet: string; mode: 'full' | 'proxy'; pools: string[];
  addresses: number; leases: number; lease_seconds: number; reservations: number; source: 'file' | 'catalog';
}
/** One of the three. */
export interface Owner { mac?: string; uuid?: string; client_id?: string }
export interface Reservation extends Owner { address: string }
/** The keys of [[network]] in slipway.toml, and what it has of its port. */
export interface NetworkDefinition {
  name: string; source: 'file' | 'catalog'; subnet: string; pools: string[]; router?: string; inherited_router?: string; lease_time: string; dns: string[]; domain?: string;
  proxy_dhcp: boolean; relayed: boolean; authoritative: boolean; unknown_machines: string;
  reservation: Reservation[]; route: { destination: string; via: string }[]; option: { code: number; hex?: string; text?: string }[];
}
export interface Lease { address: string; mac: string; uuid: string; client_id: string; state: string; expires: number }
export interface Waiting { position: number; mac: string; address: string; where: string; waited_seconds: number; expected_seconds: number | null }

export type RuleAction = 'boot' | 'quarantine' | 'ignore' | 'hold' | 'local';
export interface Rule {
  name: string; order: number; selector: string; action: RuleAction; image_set: string; mode: string;
  options: { code: number; hex: string }[]; variables: Record<string, string>; script: string;
}

export interface TemplateState {
  name: string; selector: string; media_type: string; bytes: number; documents: number; failures: number;
}
export interface Template extends TemplateState { text: string; failing: { machine: string; words: string }[] }
export interface TemplatePreview { name: string; machine: string; path: string; media_type: string; digest: string; text: string }

export interface Token { name: string; role: Role; scope: string; created: number; expires: number | null; last_used: number | null }
export interface NewToken extends Token { token: string }

export interface AuditRecord {
  id: number; at: number; who: string; address: string; request: string; what: string; before: unknown; after: unknown;
}
export interface AuditVerdict { good: boolean; fault: string | null; head: string | null }
