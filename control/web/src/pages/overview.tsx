// SPDX-License-Identifier: Apache-2.0
import type { Boot, Cause, Drop, Status } from '../api';
import { Chart } from '../chart';
import { bits, bytes, count, percent, seconds } from '../format';
import { useLive } from '../live';
import { Badge, Bar, BootProgress, Empty, Head, OutcomeBadge, Panel, ProblemBox, Time } from '../parts';
import { useThroughput } from '../throughput';

const DAY = 86_400;
const NOW_SHOWN = 8;

function Tile({ label, value, note }: { label: string; value: string; note?: string }) {
  return <div class="tile"><dt>{label}</dt><dd><b>{value}</b>{note && <small>{note}</small>}</dd></div>;
}

/** How many boots failed or were given up, by cause; the most frequent first. */
function byCause(boots: Boot[]): [string, Boot[]][] {
  const groups = new Map<string, Boot[]>();
  for (const boot of boots) groups.set(boot.cause, [...(groups.get(boot.cause) ?? []), boot]);
  return [...groups].sort((a, b) => b[1].length - a[1].length);
}

function Failures() {
  // Rounded, so that the same is asked for again.
  const since = Math.floor(Date.now() / 300_000) * 300 - DAY;
  const failed = useLive<Boot[]>(`/api/v1/boots?outcome=failed&limit=1000&since=${since}`, 4000);
  const abandoned = useLive<Boot[]>(`/api/v1/boots?outcome=abandoned&limit=1000&since=${since}`, 4000);
  const causes = useLive<Cause[]>('/api/v1/causes', 600_000);
  const boots = [...(failed.value ?? []), ...(abandoned.value ?? [])];
  const groups = byCause(boots);
  const most = groups[0]?.[1].length ?? 1;
  const problem = failed.problem ?? abandoned.problem;
  return (
    <Panel title="Failures by reason" note="Boots that failed or were given up within the last 24 hours.">
      {problem && <ProblemBox problem={problem} />}
      {groups.length === 0 && !problem && <Empty>{failed.value ? 'None. Every boot ended well, or is still under way.' : 'Asking…'}</Empty>}
      <ul class="reasons">
        {groups.map(([id, list]) => {
          const cause = causes.value?.find((each) => each.id === id);
          const newest = list.reduce((a, b) => (a.began > b.began ? a : b));
          return (
            <li key={id}>
              <details>
                <summary>
                  <span class="count">{list.length}</span>
                  <span class="words">{cause?.sentence ?? newest.words}</span>
                  <Bar label={`Share of failures: ${cause?.sentence ?? id}`} value={list.length} of={most} tone="bad" />
                </summary>
                <ol class="remedy">{(cause?.remedy ?? []).map((line) => <li key={line}>{line}</li>)}</ol>
                <p>Last: <a href={`#/machines/${newest.mac}`}>{newest.mac}</a>, <Time unix={newest.began} />. <a href={`#/machines?cause=${encodeURIComponent(id)}`}>All of them</a></p>
              </details>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function BootsNow() {
  const live = useLive<Boot[]>('/api/v1/boots?outcome=under%20way&limit=100', 1000);
  const boots = live.value ?? [];
  return (
    <Panel title="Boots now" note={boots.length > NOW_SHOWN ? <a href="#/machines?state=under%20way">all {boots.length}{live.next ? ' and more' : ''}</a> : undefined}>
      {live.problem && !live.value && <ProblemBox problem={live.problem} />}
      {live.value && boots.length === 0 && <Empty>Nothing boots at the moment.</Empty>}
      <ul class="boots">
        {boots.slice(0, NOW_SHOWN).map((boot) => (
          <li key={boot.id}>
            <span class="line"><a href={`#/boots/${boot.id}`}>{boot.mac}</a><OutcomeBadge boot={boot} /></span>
            <BootProgress boot={boot} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function WorkersPanel() {
  const { samples, live } = useThroughput();
  const load = samples.at(-1)?.load ?? [];
  return (
    <Panel title="Workers" note="Each owns a processor core and polls the network ports.">
      <ul class="meters">
        {(live.value?.workers ?? []).map((worker, index) => {
          const share = load[index] ?? 0;
          return (
            <li key={worker.worker}>
              <span>Worker {worker.worker}</span>
              <Bar label={`Load of worker ${worker.worker}`} value={share} of={1} tone={share > 0.9 ? 'warn' : undefined} />
              <span class="note">{percent(share)} busy, {count(worker.connections.open)} connections, {count(worker.sent.retransmissions)} segments sent again</span>
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function Drops() {
  const live = useLive<Drop[]>('/api/v1/drops', 4000);
  const drops = (live.value ?? []).filter((each) => each.severity !== 'normal').sort((a, b) => b.count - a.count);
  return (
    <Panel title="Frames not served" note="Since the start, by reason; what every network carries is left out.">
      {live.value && drops.length === 0 && <Empty>None.</Empty>}
      <ul class="drops">
        {drops.slice(0, 8).map((each) => (
          <li key={each.name}><span class="count">{count(each.count)}</span><span class="words">{each.sentence}</span>{each.severity === 'load' && <Badge tone="warn">overload</Badge>}</li>
        ))}
      </ul>
    </Panel>
  );
}

export function Overview() {
  const status = useLive<Status>('/api/v1/status');
  const { samples, live } = useThroughput();
  const boots = live.value?.boots;
  const now = status.value;
  return (
    <>
      <Head title="Overview" />
      {now?.warnings.map((each) => <div key={each} class="notice warn" role="status"><strong>Soon:</strong> {each}</div>)}
      {status.problem && <ProblemBox problem={status.problem} />}
      <dl class="tiles">
        <Tile label="Throughput" value={bits(samples.at(-1)?.bitsPerSecond ?? 0)} note={now && `${bytes(now.bytes_sent)} since the start`} />
        <Tile label="Boots now" value={count(boots?.under_way ?? 0)} note={now && `${count(now.connections)} connections`} />
        <Tile label="Booted" value={count(boots?.complete ?? 0)} note="since the start" />
        <Tile label="Failed" value={count((boots?.failed ?? 0) + (boots?.abandoned ?? 0))} note={boots && `${count(boots.abandoned)} of them given up`} />
        <Tile label="Waiting" value={count(now?.machines_waiting ?? 0)} note={now && (now.expected_wait_seconds ? `their turn in ${seconds(now.expected_wait_seconds)}` : `${count(now.machines_served)} of ${count(now.machines_served_at_most)} served`)} />
      </dl>
      <div class="grid">
        <Panel title="Throughput" wide note={`Most within five minutes: ${bits(Math.max(0, ...samples.map((each) => each.bitsPerSecond)))}`}><Chart samples={samples} /></Panel>
        <BootsNow />
        <Failures />
        <WorkersPanel />
        <Drops />
      </div>
    </>
  );
}
