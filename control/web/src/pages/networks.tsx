// SPDX-License-Identifier: Apache-2.0
//
// Networks and how full they are; those of the catalog are made, changed and removed here, and
// addresses of theirs are kept for machines.
import { useState } from 'preact/hooks';
import type { Lease, Network, Waiting, Who } from '../api';
import { count, percent, seconds } from '../format';
import { useLive } from '../live';
import { Badge, Bar, Cell, Ends, Head, Loaded, mayShared, Panel, Search, Table, type Tone } from '../parts';
import { AddNetwork, EditNetwork, RemoveNetwork } from './network_form';
import { KeepAddress, Reservations } from './reservations';

const SHOWN = 300;
const STATES: Record<string, Tone> = { bound: 'good', offered: 'busy', declined: 'bad', expired: 'idle', released: 'idle' };

/** `changes`: whoever looks may change the network; `keeps`: its reservations. */
function NetworkCard({ network, changes, keeps }: { network: Network; changes: boolean; keeps: boolean }) {
  const here = network.source === 'catalog';
  const share = network.addresses > 0 ? network.leases / network.addresses : 0;
  const tone: Tone | undefined = share > 0.97 ? 'bad' : share > 0.85 ? 'warn' : undefined;
  return (
    <Panel title={network.name} note={network.subnet}>
      {network.mode === 'proxy'
        ? <p>Another DHCP server gives the addresses; Slipway adds the boot offer.</p>
        : (
          <div class="loading">
            <Bar label={`Addresses of ${network.name} in use`} value={network.leases} of={network.addresses} tone={tone} />
            <span class="words"><b>{count(network.leases)}</b> of {count(network.addresses)} addresses leased ({percent(share)}){share > 0.85 && '; make the pool larger before it is full'}</span>
          </div>
        )}
      <dl class="pairs">
        <div><dt>Pools</dt><dd>{network.pools.join(', ') || 'none'}</dd></div>
        <div><dt>Lease</dt><dd>{seconds(network.lease_seconds)}</dd></div>
        <div><dt>Reservations</dt><dd>{network.reservations}</dd></div>
      </dl>
      <Reservations network={network} changes={here && keeps} />
      {!here && <p class="note under">It is in slipway.toml, and is changed there, with its reservations: slipwayd reads that when it starts.</p>}
      {here && keeps && (
        <div class="buttons under">
          <KeepAddress network={network.name} />
          {changes && <><EditNetwork name={network.name} /><RemoveNetwork name={network.name} /></>}
        </div>
      )}
    </Panel>
  );
}

export function Networks({ who }: { who: Who }) {
  const keeps = mayShared(who, 'operator');
  const changes = mayShared(who, 'admin');
  const networks = useLive<Network[]>('/api/v1/networks', 3000);
  const leases = useLive<Lease[]>('/api/v1/leases?limit=5000', 3000);
  const queue = useLive<Waiting[]>('/api/v1/queue', 2000);
  const [text, setText] = useState('');
  const fits = (each: Lease) => `${each.address} ${each.mac} ${each.uuid} ${each.state}`.toLowerCase().includes(text.toLowerCase());
  return (
    <>
      <Head title="Networks">{changes && <AddNetwork />}</Head>
      <div class="stack">
        <div class="grid">{(networks.value ?? []).map((each) => <NetworkCard key={each.name} network={each} changes={changes} keeps={keeps} />)}</div>
        {queue.value && queue.value.length > 0 && (
          <section class="panel flush" aria-label="Machines that wait for their turn">
            <h2 class="inset">Waiting for their turn</h2>
            <Table caption="Machines that wait, the next one first" columns={['Place', 'Machine', 'Waits', 'Its turn', 'Where']}>
              {queue.value.slice(0, SHOWN).map((each) => (
                <tr key={each.mac}>
                  <Cell label="Place">{each.position}</Cell>
                  <Cell label="Machine" class="main"><a href={`#/machines/${each.mac}`}>{each.mac}</a></Cell>
                  <Cell label="Waits">{seconds(each.waited_seconds)}</Cell>
                  <Cell label="Its turn">{each.expected_seconds === null ? 'not known yet' : `in ${seconds(each.expected_seconds)}`}</Cell>
                  <Cell label="Where">{each.where}</Cell>
                </tr>
              ))}
            </Table>
          </section>
        )}
        <section class="panel flush" aria-label="Leases">
          <div class="inset head"><h2>Leases</h2><Search label="Address, MAC or state" value={text} change={setText} /></div>
          <Loaded live={leases} empty={<span class="inset">No machine has an address of ours yet.</span>}>
            {(list) => (
              <>
                <Table caption="Leases" columns={['Address', 'Machine', 'State', 'Ends']}>
                  {list.filter(fits).slice(0, SHOWN).map((each) => (
                    <tr key={each.address}>
                      <Cell label="Address" class="main">{each.address}</Cell>
                      <Cell label="Machine"><a href={`#/machines/${each.mac}`}>{each.mac}</a></Cell>
                      <Cell label="State"><Badge tone={STATES[each.state] ?? 'idle'}>{each.state}</Badge></Cell>
                      <Cell label="Ends"><Ends unix={each.expires} /></Cell>
                    </tr>
                  ))}
                </Table>
                <p class="note inset">{count(Math.min(SHOWN, list.filter(fits).length))} of {count(list.length)}{leases.next && ' and more'}; the search looks through all of these.</p>
              </>
            )}
          </Loaded>
        </section>
      </div>
    </>
  );
}
