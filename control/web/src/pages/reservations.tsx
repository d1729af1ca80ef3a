// SPDX-License-Identifier: Apache-2.0
//
// Addresses that a network keeps for machines: told to everybody, kept and given up by operators. A
// machine has one in a network, and an address one machine; what a change takes is said before.
import { useState } from 'preact/hooks';
import { change, onlyOver, type Network, type NetworkDefinition, type Owner, type Reservation } from '../api';
import { Ending, Line, OpensOver, Removes } from '../dialog';
import { count } from '../format';
import { refresh, useLive } from '../live';
import { Loaded, Search, useAttempt } from '../parts';

const SHOWN = 100;

export const networkPath = (name: string) => `/api/v1/networks/${encodeURIComponent(name)}`;
const reservationPath = (network: string, address: string) => `${networkPath(network)}/reservations/${encodeURIComponent(address)}`;

/** Whose an address is, by the form of the name, as `slipway network reserve` reads it. */
export function owned(name: string): Owner {
  const who = name.trim();
  if (/^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(who)) return { mac: who.replaceAll('-', ':').toLowerCase() };
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(who)) return { uuid: who.toLowerCase() };
  return { client_id: who.toLowerCase() };
}

export const ownerOf = (each: Owner) => each.mac ?? each.uuid ?? each.client_id ?? '';

// What is kept otherwise now, and will not be any more.
function taken(list: Reservation[], address: string, owner: string): string {
  const words = list.filter((each) => (each.address === address) !== (ownerOf(each) === owner)).map((each) => (
    each.address === address ? `It is taken from ${ownerOf(each)}, for which it is kept now.` : `${owner} loses ${each.address}, which is kept for it now.`));
  return words.join(' ');
}

function Keep({ network, tag, close }: { network: NetworkDefinition; tag: string; close: () => void }) {
  const [address, setAddress] = useState('');
  const [who, setWho] = useState('');
  const owner = owned(who);
  const { attempt, busy, problem } = useAttempt([address, who]);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await change('PUT', reservationPath(network.name, address.trim()), owner, onlyOver(tag));
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <Line id="kept-address" label="Address" hint={`inside ${network.subnet}`} required value={address} set={setAddress} />
      <Line id="kept-for" label="Machine" hint="MAC, UUID or client id" required value={who} set={setWho} />
      <p class="note words" role="status">{taken(network.reservation, address.trim(), ownerOf(owner))}</p>
      <Ending label="Keep it" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

export function KeepAddress({ network }: { network: string }) {
  return (
    <OpensOver<NetworkDefinition> label="Keep an address" named={`Keep an address in ${network}`} title={`Keep an address of ${network} for a machine`} path={networkPath(network)}>
      {(value, tag, close) => <Keep network={value} tag={tag} close={close} />}
    </OpensOver>
  );
}

const keptWords = (kept: Reservation | undefined) => (
  kept ? `It is kept for ${ownerOf(kept)} now, which gets an address as any other machine does from then on.` : 'It is kept for nobody any more.');

function Whose({ kept }: { kept: Owner }) {
  if (kept.mac) return <a href={`#/machines/${kept.mac}`}>{kept.mac}</a>;
  return <span>{kept.uuid ? 'UUID' : 'client id'} <code>{ownerOf(kept)}</code></span>;
}

/** `changes`: whoever looks may take one away. */
export function Reservations({ network, changes }: { network: Network; changes: boolean }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState('');
  const live = useLive<NetworkDefinition>(open ? networkPath(network.name) : null, 3000);
  if (network.reservations === 0) return null;
  const fits = (each: Reservation) => `${each.address} ${ownerOf(each)}`.includes(text.trim().toLowerCase());
  return (
    <details class="more" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Addresses kept for machines</summary>
      {open && (
        <Loaded live={{ ...live, value: live.value?.reservation }} empty="None is kept any more.">
          {(list) => {
            const fitting = list.filter(fits);
            return (
              <>
                {list.length > SHOWN && <Search label={`Address or machine, of ${network.name}`} value={text} change={setText} />}
                <ul class="kept">
                  {fitting.slice(0, SHOWN).map((each) => (
                    <li key={each.address}>
                      <code>{each.address}</code>
                      <span class="words"><Whose kept={each} /></span>
                      {changes && (
                        <Removes<NetworkDefinition> named={`Remove the reservation of ${each.address}`} title={`Keep ${each.address} for nobody?`} read={networkPath(network.name)} path={reservationPath(network.name, each.address)}>
                          {({ reservation }) => keptWords(reservation.find(({ address }) => address === each.address))}
                        </Removes>
                      )}
                    </li>
                  ))}
                </ul>
                {fitting.length > SHOWN && <p class="note">The first {count(SHOWN)} of {count(fitting.length)}; search for another.</p>}
              </>
            );
          }}
        </Loaded>
      )}
    </details>
  );
}
