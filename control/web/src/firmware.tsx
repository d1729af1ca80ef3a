// SPDX-License-Identifier: Apache-2.0
//
// What firmware, or the iPXE after it, tells of itself by what it sends, as `slipway machine show`
// and `slipway boot show` say it. No proof: anybody can send the same bytes.
import type { BootFirmware, SeenFirmware } from './api';
import { Panel, Time } from './parts';

const CLIENTS: Record<BootFirmware['client'], string> = { http: 'HTTP boot', ipxe: 'iPXE', pxe: 'PXE' };

function Print({ name, value }: { name: string; value: string }) {
  return <div><dt>{name} fingerprint</dt><dd>{value ? <code>{value}</code> : <span class="note">not seen</span>}</dd></div>;
}

export function Fingerprints({ firmware }: { firmware: BootFirmware | SeenFirmware }) {
  return (
    <dl class="pairs">
      <div><dt>Client</dt><dd>{CLIENTS[firmware.client] ?? firmware.client}</dd></div>
      <div><dt>Says the same as</dt><dd>{firmware.like || <span class="note">nothing that Slipway knows by name</span>}</dd></div>
      <Print name="DHCP" value={firmware.dhcp} />
      <Print name="TCP" value={firmware.tcp} />
      <Print name="TLS" value={firmware.tls} />
      {'since' in firmware && <div><dt>As it is since</dt><dd><Time unix={firmware.since} /></dd></div>}
    </dl>
  );
}

/** What the catalog remembers of a machine: one for each kind of client that it booted with. */
export function RememberedFirmware({ seen }: { seen: SeenFirmware[] }) {
  if (seen.length === 0) return null;
  return (
    <Panel title="Firmware" note="What its boots showed. It tells what the machine says it runs, and is no proof.">
      <ul class="firmwares">{seen.map((each) => <li key={each.client}><Fingerprints firmware={each} /></li>)}</ul>
    </Panel>
  );
}
