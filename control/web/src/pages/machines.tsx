// SPDX-License-Identifier: Apache-2.0
//
// All machines that the catalog knows or that were seen booting, with how far each is.
import { useMemo, useState } from 'preact/hooks';
import type { Boot, Cause, HeldMachine, Machine, Who } from '../api';
import { refresh, useLive } from '../live';
import { Badge, BootProgress, Cell, Choice, Empty, Head, may, OutcomeBadge, ProblemBox, Search, Table, Time, useChange } from '../parts';
import { go, type Query } from '../route';

const SHOWN = 200;

interface Row { mac: string; machine?: Machine; boot?: Boot }

// The newest boot of each machine, machines that boot now first, then by when they last did.
function rowsOf(machines: Machine[], boots: Boot[]): Row[] {
  const rows = new Map<string, Row>();
  for (const machine of machines) {
    const key = machine.mac || machine.uuid;
    rows.set(key, { mac: key, machine });
  }
  for (const boot of boots) {
    const row = rows.get(boot.mac) ?? { mac: boot.mac };
    if (!row.boot || row.boot.id < boot.id) rows.set(boot.mac, { ...row, boot });
  }
  const rank = (row: Row) => (row.boot?.outcome === 'under way' || row.boot?.loading ? 0 : row.boot ? 1 : 2);
  return [...rows.values()].sort((a, b) => rank(a) - rank(b) || (b.boot?.began ?? 0) - (a.boot?.began ?? 0) || a.mac.localeCompare(b.mac));
}

function fits(row: Row, text: string, state: string, cause: string): boolean {
  if (state === 'never' ? row.boot : state && row.boot?.outcome !== state) return false;
  if (cause && row.boot?.cause !== cause) return false;
  const { machine, boot } = row;
  const labels = Object.entries(machine?.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  const all = [row.mac, machine?.name, machine?.serial, machine?.uuid, machine?.image_set, boot?.address, boot?.words, ...labels, ...(machine?.groups ?? [])];
  return all.join(' ').toLowerCase().includes(text.toLowerCase());
}

function MachineRow({ row }: { row: Row }) {
  const { machine, boot } = row;
  return (
    <tr>
      <Cell label="Machine" class="main">
        <a href={`#/machines/${row.mac}`}>{machine?.name || row.mac}</a>
        {machine?.name && <small>{row.mac}</small>}
      </Cell>
      <Cell label="State">{boot ? <OutcomeBadge boot={boot} /> : <Badge tone="idle">Never seen</Badge>}</Cell>
      <Cell label="How far" class="grow">{boot ? <BootProgress boot={boot} /> : <span class="note">nothing was heard of it yet</span>}</Cell>
      <Cell label="Image set">{machine?.image_set || <span class="note">by rule</span>}</Cell>
      <Cell label="Address">{boot && boot.address !== '0.0.0.0' ? boot.address : <span class="note">none</span>}</Cell>
      <Cell label="Last boot">{boot ? <Time unix={boot.began} /> : <span class="note">never</span>}</Cell>
    </tr>
  );
}

// Who waits for an operator; nothing is drawn where nobody does.
function Held({ who }: { who: Who }) {
  const live = useLive<HeldMachine[]>('/api/v1/held?limit=100', 3000);
  const { run, busy, problem } = useChange();
  const held = live.value ?? [];
  if (held.length === 0) return null;
  const approve = (key: string) => run('PUT', `/api/v1/machines/${key}`, { approved: true }, () => refresh('/api/v1/'));
  return (
    <section class="panel flush" aria-label="Machines that wait to be approved">
      <h2 class="inset">Wait to be approved</h2>
      {problem && <ProblemBox problem={problem} />}
      <Table caption="Machines that wait to be approved, the one that began to wait last first" columns={['Machine', 'Client', 'Network', 'Rule', 'Last asked', 'Approval']}>
        {held.map((each) => (
          <tr key={each.mac}>
            <Cell label="Machine" class="main">
              <a href={`#/machines/${each.mac}`}>{each.name || each.machine}</a>
              <small>{each.uuid || (each.name ? each.mac : '')}</small>
            </Cell>
            <Cell label="Client">{[each.architecture, each.client].filter(Boolean).join(' ') || <span class="note">not told</span>}</Cell>
            <Cell label="Network">{each.network}{each.relay && <small>relay {each.relay}</small>}</Cell>
            <Cell label="Rule">{each.rule}</Cell>
            <Cell label="Last asked"><Time unix={each.last_asked} /></Cell>
            <Cell label="Approval">
              {may(who.role, 'operator')
                ? <button type="button" disabled={busy} aria-label={`Approve ${each.name || each.mac}`} onClick={() => approve(each.machine)}>Approve</button>
                : <span class="note">by an operator</span>}
            </Cell>
          </tr>
        ))}
      </Table>
      {live.next && <p class="note">The first {held.length}; slipway machine held has them all.</p>}
    </section>
  );
}

const STATES: [string, string][] = [
  ['', 'Any state'], ['under way', 'Booting'], ['complete', 'Booted'], ['failed', 'Failed'], ['abandoned', 'Gave up'], ['never', 'Never seen'],
];

export function Machines({ query, who }: { query: Query; who: Who }) {
  const machines = useLive<Machine[]>('/api/v1/machines?limit=10000', 10_000);
  const boots = useLive<Boot[]>('/api/v1/boots?limit=500', 1000);
  const causes = useLive<Cause[]>('/api/v1/causes', 600_000);
  const [text, setText] = useState('');
  const [most, setMost] = useState(SHOWN);
  const state = query['state'] ?? '';
  const cause = query['cause'] ?? '';
  const rows = useMemo(() => rowsOf(machines.value ?? [], boots.value ?? []), [machines.value, boots.value]);
  const fitting = rows.filter((row) => fits(row, text, state, cause));
  const problem = machines.problem ?? boots.problem;
  return (
    <>
      <Head title="Machines">
        <div class="tools">
          <Search label="Name, MAC, address, label, image set" value={text} change={setText} />
          <Choice label="State" value={state} options={STATES} change={(value) => go('machines', value ? { state: value } : {})} />
        </div>
      </Head>
      {cause && (
        <div class="notice"><strong>Only these:</strong> {causes.value?.find((each) => each.id === cause)?.sentence ?? cause}. <a href="#/machines">Show all</a></div>
      )}
      {problem && <ProblemBox problem={problem} />}
      <Held who={who} />
      {machines.value && boots.value && fitting.length === 0 && (
        <Empty>{rows.length === 0
          ? 'No machine yet. Power one on in a network that Slipway serves, and it shows up here.'
          : 'No machine fits. Take out a word of the search, or choose another state.'}</Empty>
      )}
      {fitting.length > 0 && (
        <section class="panel flush" aria-label="Machines">
          <Table caption="Machines, those that boot now first" columns={['Machine', 'State', 'How far', 'Image set', 'Address', 'Last boot']}>
            {fitting.slice(0, most).map((row) => <MachineRow key={row.mac} row={row} />)}
          </Table>
        </section>
      )}
      <p class="note under">
        {fitting.length} of {rows.length}{machines.next ? ' (the first 10,000 of the catalog)' : ''}
        {fitting.length > most && <> · <button type="button" class="link" onClick={() => setMost(most + SHOWN)}>Show {Math.min(SHOWN, fitting.length - most)} more</button></>}
      </p>
    </>
  );
}
