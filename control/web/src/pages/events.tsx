// SPDX-License-Identifier: Apache-2.0
//
// What happens, as it does: below it, the newest boots of before the page was opened.
import { useState } from 'preact/hooks';
import type { Boot } from '../api';
import { moment } from '../format';
import { useLive } from '../live';
import { Badge, Choice, Empty, Head, OutcomeBadge, ProblemBox, Search, type Tone } from '../parts';
import { useFeed, type Happening } from '../stream';
import { toneOf } from '../timeline';

const KINDS: [string, string][] = [
  ['', 'Everything'], ['step', 'Steps of boots'], ['boot', 'Boots: how they stand'], ['trouble', 'Trouble only'], ['held', 'Waits to be approved'], ['change', 'Changes'], ['link', 'Links'],
];
const SHOWN = 300;

function isTrouble(event: Happening): boolean {
  if (event.kind === 'step') return toneOf(event.data) === 'bad';
  if (event.kind === 'boot') return event.data.outcome === 'failed' || event.data.outcome === 'abandoned';
  return event.kind === 'gap' || (event.kind === 'link' && !event.data.up);
}

function Sign({ event }: { event: Happening }) {
  switch (event.kind) {
    case 'boot': return <OutcomeBadge boot={event.data} />;
    case 'step': {
      const tones: Record<string, Tone> = { good: 'good', bad: 'bad', plain: 'idle' };
      return <Badge tone={tones[toneOf(event.data)] ?? 'idle'}>{event.data.kind.replace(/^(Dhcp|Tcp|Tls|Http|Dns|Arp).*/, '$1').toUpperCase().slice(0, 9)}</Badge>;
    }
    case 'link': return <Badge tone={event.data.up ? 'good' : 'bad'}>Link</Badge>;
    case 'held': return <Badge tone="warn">Held</Badge>;
    case 'gap': return <Badge tone="warn">Missed</Badge>;
    default: return <Badge tone="idle">{event.kind === 'audit' ? 'Audit' : 'Change'}</Badge>;
  }
}

function Words({ event }: { event: Happening }) {
  switch (event.kind) {
    case 'boot': return <><a href={`#/boots/${event.data.id}`}>{event.data.mac}</a> {event.data.words || 'began to boot'}</>;
    case 'step': return <><a href={`#/boots/${event.data.boot}`}>{event.data.mac}</a> {event.data.words}</>;
    case 'link': return <>port {event.data.port} is {event.data.up ? 'up' : 'down'}</>;
    case 'change': return <>{event.data.resource}: {event.data.what}</>;
    case 'held': return <><a href={`#/machines/${event.data.mac}`}>{event.data.mac}</a> waits to be approved, held by rule {event.data.rule}{event.data.untold > 0 && `; ${event.data.untold} more began to`}</>;
    case 'audit': return <>{event.data.who}: {event.data.what}</>;
    case 'gap': return <>{event.data.lost === null ? 'what happened before slipwayd started anew' : `${event.data.lost} events`}; the lists of the other pages are whole</>;
  }
}

const textOf = (event: Happening) => JSON.stringify(event.data).toLowerCase();

export function Events() {
  const feed = useFeed();
  const boots = useLive<Boot[]>('/api/v1/boots?limit=100', 2000);
  const [text, setText] = useState('');
  const [kind, setKind] = useState('');
  const [held, setHeld] = useState<Happening[] | undefined>();
  const oldest = feed.events.at(-1)?.at ?? Infinity;
  const before = (boots.value ?? []).map((boot): Happening => ({ id: `boot ${boot.id}`, at: boot.began + boot.seconds, kind: 'boot', data: boot }));
  const now = [...feed.events, ...before.filter((each) => each.at < oldest).sort((a, b) => b.at - a.at)];
  const fits = (each: Happening) => (!kind || (kind === 'trouble' ? isTrouble(each) : each.kind === kind || (kind === 'change' && each.kind === 'audit'))) && textOf(each).includes(text.toLowerCase());
  const shown = (held ?? now).filter(fits).slice(0, SHOWN);
  return (
    <>
      <Head title="Events">
        <div class="tools">
          <Search label="MAC, address or words" value={text} change={setText} />
          <Choice label="Kind" value={kind} options={KINDS} change={setKind} />
          <button type="button" class="hold" aria-pressed={held !== undefined} onClick={() => setHeld(held ? undefined : now)}>{held ? 'Go on' : 'Hold'}</button>
        </div>
      </Head>
      {feed.state === 'none' && <div class="notice warn" role="status">No live stream can be had now, so only how boots stand is shown, every two seconds.</div>}
      {boots.problem && <ProblemBox problem={boots.problem} />}
      <section class="panel" aria-label="Events">
        {shown.length === 0
          ? <Empty>{now.length === 0 ? 'Nothing has happened yet. A machine that asks for an address shows up here at once.' : 'Nothing fits what is searched for.'}</Empty>
          : (
            <ol class="feed">
              {shown.map((each) => (
                <li key={each.id}><span class="note">{moment(each.at)}</span><Sign event={each} /><span class="words"><Words event={each} /></span></li>
              ))}
            </ol>
          )}
      </section>
    </>
  );
}
