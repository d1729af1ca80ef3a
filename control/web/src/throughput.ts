// SPDX-License-Identifier: Apache-2.0
//
// Rates are differences of counters: what the workers sent, kept for five minutes while the page is
// open, also while another of its pages is seen.
import { useEffect, useState } from 'preact/hooks';
import type { Worker, Workers } from './api';
import { useLive } from './live';

export interface Sample {
  at: number; // s, of the workers' clock
  bitsPerSecond: number; // payload that left
  load: number[]; // of each worker, 0 to 1
}

const KEPT = 150;
const samples: Sample[] = [];
let before: Worker[] | undefined;

function take(workers: Worker[]) {
  const last = before;
  before = workers;
  if (!last || last.length !== workers.length) return;
  let bitsPerSecond = 0;
  const load: number[] = [];
  for (const [index, now] of workers.entries()) {
    const then = last[index]!;
    const seconds = now.at - then.at;
    if (seconds <= 0) return;
    bitsPerSecond += (8 * (now.sent.payload_bytes - then.sent.payload_bytes)) / seconds;
    const busy = now.cycles.busy - then.cycles.busy;
    const all = busy + now.cycles.idle - then.cycles.idle;
    load.push(all > 0 ? busy / all : 0);
  }
  if (bitsPerSecond < 0) return; // the daemon has started anew
  samples.push({ at: workers[0]?.at ?? 0, bitsPerSecond, load });
  if (samples.length > KEPT) samples.shift();
}

/** Keeps samples while the page is open; gives them, and the last answer. */
export function useThroughput() {
  const live = useLive<Workers>('/api/v1/workers');
  const [, draw] = useState(0);
  useEffect(() => {
    if (live.value && live.value.workers !== before) {
      take(live.value.workers);
      draw((count) => count + 1);
    }
  }, [live.value]);
  return { samples, live };
}
