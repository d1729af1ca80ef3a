// SPDX-License-Identifier: Apache-2.0
//
// What is to be said of a network of the catalog: a new one, or one that is there, over what it was
// when the dialog opened; and taking one away. The keys are those of [[network]] in slipway.toml.
import { useState } from 'preact/hooks';
import { change, onlyOver, put, type NetworkDefinition } from '../api';
import { Ending, Line, Opens, OpensOver, Pick, Removal } from '../dialog';
import { refresh } from '../live';
import { useAttempt } from '../parts';
import { listOf, OPTION_FIELDS, row, Rows, type Field, type Row } from '../rows';
import { networkPath, owned, ownerOf } from './reservations';

const NEW: NetworkDefinition = {
  name: '', source: 'catalog', subnet: '', pools: [], lease_time: '1h', dns: [],
  proxy_dhcp: false, relayed: false, authoritative: true, unknown_machines: 'serve', reservation: [], route: [], option: [],
};
const UNKNOWN: [string, string][] = [['serve', 'are served'], ['boot_only', 'are served when they boot'], ['ignore', 'are ignored']];
const RESERVATION: [Field, Field] = [{ label: 'Kept address', hint: '10.77.0.20' }, { label: 'Kept for', hint: 'MAC, UUID or client id' }];
const ROUTE: [Field, Field] = [{ label: 'Route to', hint: '10.78.0.0/16' }, { label: 'Route by', hint: '10.77.0.253' }];
// An option may say nothing.
const OPTION: [Field, Field] = [OPTION_FIELDS[0], { ...OPTION_FIELDS[1], optional: true }];

function optionOf({ name, value }: Row) {
  const octets = value.trim();
  return { code: Number(name), ...(octets ? { hex: octets } : { text: '' }) };
}

function useRows<T>(list: T[], read: (each: T) => Row) {
  const [rows, set] = useState(() => list.map(read));
  return { rows, set };
}

/** `tag`: of the network as it was read; null: there is none yet. */
function Form({ network, tag, close }: { network: NetworkDefinition; tag: string | null; close: () => void }) {
  const [draft, setDraft] = useState(network);
  const set = (part: Partial<NetworkDefinition>) => setDraft((now) => ({ ...now, ...part }));
  const [pools, setPools] = useState(network.pools.join(', '));
  const [dns, setDns] = useState(network.dns.join(', '));
  const reservations = useRows(network.reservation, (each) => row(each.address, ownerOf(each)));
  const routes = useRows(network.route, (each) => row(each.destination, each.via));
  const options = useRows(network.option, (each) => row(String(each.code), each.hex));
  const { attempt, busy, problem } = useAttempt([draft, pools, dns, reservations.rows, routes.rows, options.rows]);
  const submit = (event: Event) => {
    event.preventDefault();
    // What is empty is not said: the router is then the port's gateway, the domain none. What is inherited is not the network's to say.
    const { name, source: _, inherited_router: __, router, domain, ...rest } = draft;
    const body = {
      ...rest, ...(router && { router }), ...(domain && { domain }), pools: listOf(pools), dns: listOf(dns),
      reservation: reservations.rows.map(({ name, value }) => ({ address: name.trim(), ...owned(value) })), option: options.rows.map(optionOf),
      route: routes.rows.map((each) => ({ destination: each.name.trim(), via: each.value.trim() })),
    };
    void attempt(async () => {
      await put(networkPath(name.trim()), body, tag, 'Choose another name, or edit that network.');
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      {tag === null && <Line id="network-name" label="Name" hint="racks" required value={draft.name} set={(name) => set({ name })} />}
      <Line id="network-subnet" label="Subnet" hint="10.77.0.0/24" required value={draft.subnet} set={(subnet) => set({ subnet })} />
      <Line id="network-pools" label="Pools" hint="10.77.0.100-10.77.0.199, ...; empty: none" value={pools} set={setPools} />
      <Line id="network-router" label="Router" hint={network.inherited_router ? `empty: the port's gateway, ${network.inherited_router}` : "empty: the port's gateway, if it is inside"} value={draft.router ?? ''} set={(router) => set({ router })} />
      <Line id="network-lease" label="Lease" hint="1h" required value={draft.lease_time} set={(lease_time) => set({ lease_time })} />
      <Line id="network-dns" label="Name servers" hint="empty: Slipway itself" value={dns} set={setDns} />
      <Line id="network-domain" label="Domain" hint="empty: none is sent" value={draft.domain ?? ''} set={(domain) => set({ domain })} />
      <Pick label="Addresses" value={String(draft.proxy_dhcp)} options={[['false', 'are given by Slipway'], ['true', 'are given by another DHCP server: boot offers alone']]} set={(value) => set({ proxy_dhcp: value === 'true' })} />
      <Pick label="Reached" value={String(draft.relayed)} options={[['false', "from a port's own address"], ['true', 'through DHCP relays']]} set={(value) => set({ relayed: value === 'true' })} />
      <Pick label="Foreign addresses" value={String(draft.authoritative)} options={[['true', 'are refused'], ['false', 'are left to another DHCP server']]} set={(value) => set({ authoritative: value === 'true' })} />
      <Pick label="Unknown machines" value={draft.unknown_machines} options={UNKNOWN} set={(unknown_machines) => set({ unknown_machines })} />
      <Rows title="Addresses kept for machines" what="reservation" fields={RESERVATION} {...reservations} />
      <Rows title="Routes" what="route" fields={ROUTE} {...routes} />
      <Rows title="DHCP options" what="DHCP option" fields={OPTION} {...options} />
      <Ending label="Save" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

export function AddNetwork() {
  return <Opens label="Add a network" title="A new network" kind="primary">{(close) => <Form network={NEW} tag={null} close={close} />}</Opens>;
}

export function EditNetwork({ name }: { name: string }) {
  return (
    <OpensOver<NetworkDefinition> label="Edit" named={`Edit ${name}`} title={`Network ${name}`} path={networkPath(name)}>
      {(network, tag, close) => <Form network={network} tag={tag} close={close} />}
    </OpensOver>
  );
}

const LEASED: [string, string][] = [['', 'then it stays'], ['?all_the_same=true', 'then it is removed all the same']];

function Remove({ network, tag, close, again }: { network: NetworkDefinition; tag: string; close: () => void; again: () => Promise<void> }) {
  const [leased, setLeased] = useState('');
  const action = async () => {
    await change('DELETE', `${networkPath(network.name)}${leased}`, undefined, onlyOver(tag));
    refresh('/api/v1/');
  };
  return (
    <Removal label="Remove" close={close} action={action} again={again} said={leased}>
      Machines in {network.subnet} are not answered any more; leases there are not renewed.
      <span class="form"><Pick label="If machines have leases" value={leased} options={LEASED} set={setLeased} /></span>
    </Removal>
  );
}

export function RemoveNetwork({ name }: { name: string }) {
  return (
    <OpensOver<NetworkDefinition> label="Remove" named={`Remove ${name}`} title={`Remove the network ${name}?`} kind="danger" path={networkPath(name)}>
      {(network, tag, close, again) => <Remove network={network} tag={tag} close={close} again={again} />}
    </OpensOver>
  );
}
