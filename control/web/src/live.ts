// SPDX-License-Identifier: Apache-2.0
//
// What a page shows stays as it is on the appliance: a component names a path, and is drawn again
// when the answer changes. Paths are asked one by one while anybody looks at them and the window is
// seen; an answer that has not changed costs its tag.
import { useEffect, useState } from 'preact/hooks';
import { get, Problem } from './api';

interface Watched {
  every: number; // ms
  due: number;
  tag: string | null;
  text: string;
  live: Live<unknown>;
  readers: Set<() => void>;
}

export interface Live<T> {
  value: T | undefined; // the last good one
  next: string | null; // where the list goes on beyond this page
  problem: Problem | undefined; // of the last try
  at: number; // ms, when it was last known to be so
}

const EMPTY: Live<never> = { value: undefined, next: null, problem: undefined, at: 0 };
const watched = new Map<string, Watched>();
let timer: number | undefined;
let asking = false;

async function ask(path: string, each: Watched) {
  try {
    const answer = await get<unknown>(path, each.tag);
    each.tag = answer.tag;
    if (answer.unchanged) {
      // A page that was just full may go on by now: its tag is of what stands on it.
      const isSame = answer.next === each.live.next && each.live.problem === undefined;
      each.live = { ...each.live, next: answer.next, problem: undefined, at: Date.now() };
      if (isSame) return;
    } else {
      each.live = { value: answer.value, next: answer.next, problem: undefined, at: Date.now() };
    }
  } catch (problem) {
    // A body that is no JSON too: whatever it is, it is asked for again.
    const known = problem instanceof Problem ? problem : new Problem(0, 'Broken answer', String(problem));
    each.live = { ...each.live, problem: known };
  } finally {
    each.due = Date.now() + each.every;
  }
  for (const reader of each.readers) reader();
}

async function run() {
  timer = undefined;
  if (asking) return;
  asking = true;
  try {
    for (const [path, each] of watched) {
      if (document.hidden) break;
      if (each.readers.size > 0 && each.due <= Date.now()) await ask(path, each);
    }
  } finally {
    asking = false;
    plan();
  }
}

function plan() {
  window.clearTimeout(timer);
  timer = undefined;
  if (document.hidden) return;
  let due = Infinity;
  for (const each of watched.values()) if (each.readers.size > 0) due = Math.min(due, each.due);
  if (due !== Infinity) timer = window.setTimeout(run, Math.max(0, due - Date.now()));
}

document.addEventListener('visibilitychange', plan);

/** Asks anew for all that begins so, at once: something has changed there. */
export function refresh(prefix: string) {
  for (const [path, each] of watched) if (path.startsWith(prefix)) each.due = 0;
  plan();
}

export function forgetAll() {
  for (const each of watched.values()) {
    each.live = EMPTY;
    each.tag = null;
  }
}

function watch(path: string, every: number, reader: () => void): () => void {
  let each = watched.get(path);
  if (!each) {
    each = { every, due: 0, tag: null, text: '', live: EMPTY, readers: new Set() };
    watched.set(path, each);
  }
  const mine = each;
  mine.readers.add(reader);
  mine.every = Math.min(mine.every, every);
  plan();
  return () => {
    mine.readers.delete(reader);
    // A page that one comes back to shows at once what it last knew. Who is drawn anew watches again at
    // once, and others may watch the same: they would be told nothing any more.
    window.setTimeout(() => {
      if (watched.size > 60 && mine.readers.size === 0 && watched.get(path) === mine) watched.delete(path);
    });
  };
}

/** The answer of a path, asked for every so many milliseconds; null: nothing is asked for. */
export function useLive<T>(path: string | null, every = 2000): Live<T> {
  const [, draw] = useState(0);
  useEffect(() => (path === null ? undefined : watch(path, every, () => draw((count) => count + 1))), [path, every]);
  return ((path !== null && watched.get(path)?.live) || EMPTY) as Live<T>;
}

// The pages of a list that are known so far, as each names the next.
function pagesOf(first: string, most: number): string[] {
  const paths: string[] = [];
  for (let path: string | null = first; path !== null && paths.length < most; path = watched.get(path)?.live.next ?? null) {
    paths.push(path);
  }
  return paths;
}

export interface LiveList<T> extends Live<T[]> { showMore: () => void }

/** The first pages of a list as one, one of them to begin with; null: nothing is asked for. */
export function useLiveList<T>(first: string | null, every = 2000): LiveList<T> {
  const [most, setMost] = useState(1);
  const [, draw] = useState(0);
  const paths = first === null ? [] : pagesOf(first, most);
  useEffect(() => {
    const ends = paths.map((path) => watch(path, every, () => draw((count) => count + 1)));
    return () => ends.forEach((end) => end());
  }, [paths.join(' '), every]);
  const pages = paths.map((path) => (watched.get(path)?.live ?? EMPTY) as Live<T[]>);
  const known = pages.filter((page) => page.value !== undefined);
  return {
    value: known.length > 0 ? known.flatMap((page) => page.value ?? []) : undefined,
    // One that is still asked for goes on too: what asks for more stays, and keeps its focus.
    next: pages.length > known.length ? (paths[known.length] ?? null) : (pages.at(-1)?.next ?? null),
    problem: pages.find((page) => page.problem)?.problem,
    at: pages[0]?.at ?? 0,
    showMore: () => setMost(paths.length + 1),
  };
}
