// SPDX-License-Identifier: Apache-2.0
//
// GET /api/v1/events (docs/api.md, "Live events"): what has happened asks for what it changed anew,
// at once, and is kept for the page of events. One stream is open while the page is seen; it goes on
// where it was. Without one (there are only so many) what is seen is asked for in turn as ever.
import { useEffect, useState } from 'preact/hooks';
import type { Boot, Step } from './api';
import { refresh } from './live';

export type Kind = 'step' | 'boot' | 'link' | 'change' | 'audit' | 'held';
export interface LiveStep extends Step { boot: number; mac: string; address: string }
export type Happening = { id: string; at: number } & (
  | { kind: 'step'; data: LiveStep }
  | { kind: 'boot'; data: Boot }
  | { kind: 'link'; data: { port: string; up: boolean } }
  | { kind: 'change'; data: { resource: string; what: string } }
  | { kind: 'audit'; data: { who: string; what: string } }
  | { kind: 'held'; data: { mac: string; rule: string; untold: number } }
  | { kind: 'gap'; data: { lost: number | null } });
export type StreamState = 'trying' | 'open' | 'none';

const KEPT = 500;
const REDRAW = 250; // ms
export const feed: { events: Happening[]; state: StreamState } = { events: [], state: 'trying' };
const readers = new Set<() => void>();
let newest = '';
let drawing: number | undefined;

function draw() {
  drawing ??= window.setTimeout(() => {
    drawing = undefined;
    for (const reader of readers) reader();
  }, REDRAW);
}

const stale = new Set<string>();
let refreshing: number | undefined;

// Many boots at once are one question.
function refreshSoon(prefix: string) {
  stale.add(prefix);
  refreshing ??= window.setTimeout(() => {
    refreshing = undefined;
    for (const each of stale) refresh(each);
    stale.clear();
  }, REDRAW);
}

function isProgressOf(before: Happening | undefined, data: LiveStep): boolean {
  return before?.kind === 'step' && before.data.kind === 'HttpProgress' && before.data.boot === data.boot && before.data.connection === data.connection;
}

function take(kind: Happening['kind'], message: MessageEvent<string>) {
  newest = message.lastEventId || newest;
  const data = JSON.parse(message.data);
  const at: number = kind === 'boot' ? data.began + data.seconds : (data.at ?? Date.now() / 1000);
  // Progress takes the place of progress, as in a boot's story.
  if (kind === 'step' && data.kind === 'HttpProgress') {
    const place = feed.events.findIndex((each) => isProgressOf(each, data));
    if (place >= 0) feed.events.splice(place, 1);
  }
  feed.events.unshift({ id: message.lastEventId, at, kind, data });
  feed.events.length = Math.min(feed.events.length, KEPT);
  if (kind === 'boot') refreshSoon('/api/v1/boots');
  if (kind === 'change') refreshSoon('/api/v1/');
  if (kind === 'held') refreshSoon('/api/v1/held');
  draw();
}

function state(now: StreamState) {
  if (feed.state === now) return;
  feed.state = now;
  draw();
}

/** Holds the stream open for as long as the component is there and the window is seen. */
export function useStream(kinds: Kind[]) {
  const wanted = kinds.join(',');
  useEffect(() => {
    let source: EventSource | undefined;
    const open = () => {
      if (source || document.hidden) return;
      source = new EventSource(`/api/v1/events?kind=${wanted}${newest ? `&after=${newest}` : ''}`);
      source.onopen = () => state('open');
      source.onerror = () => state(source?.readyState === EventSource.CLOSED ? 'none' : 'trying');
      for (const kind of [...kinds, 'gap'] as Happening['kind'][]) source.addEventListener(kind, (message) => take(kind, message));
    };
    const close = () => {
      source?.close();
      source = undefined;
    };
    const follow = () => (document.hidden ? close() : open());
    open();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      close();
    };
  }, [wanted]);
}

export function useFeed() {
  const [, again] = useState(0);
  useEffect(() => {
    const reader = () => again((count) => count + 1);
    readers.add(reader);
    return () => void readers.delete(reader);
  }, []);
  return feed;
}

export function forgetStream() {
  feed.events = [];
  newest = '';
}
