// SPDX-License-Identifier: Apache-2.0
//
// What the catalog says of a machine, but for its labels and variables: what it boots and how often,
// its names and groups, whether it is held or approved. It is changed over what it was when the dialog
// opened, and only what was changed is sent: to say its image set, mode or hold begins its plan anew.
import { useState } from 'preact/hooks';
import { change, get, getIfThere, onlyOver, put, type ImageSet, type Machine, type TemplateState } from '../api';
import { Ending, Line, Opens, OpensOver, Pick, Read, Removal, Removes } from '../dialog';
import { refresh, useLive } from '../live';
import { Badge, Panel, ProblemBox, useAttempt } from '../parts';
import { go } from '../route';
import { listOf } from '../rows';
import { MODES, options } from './rule_form';

const NONE = { name: '', serial: '', uuid: '', groups: [] as string[], image_set: '', script: '', mode: 'always', hold: false, approved: false };
type Settings = typeof NONE;

function changesOf(before: Settings, after: Settings): Partial<Settings> {
  const names = Object.keys(NONE) as (keyof Settings)[];
  const changed = new Set(names.filter((each) => JSON.stringify(before[each]) !== JSON.stringify(after[each])));
  // A mode alone would release a machine that is held, whatever the form says.
  if (changed.has('mode')) changed.add('hold');
  return Object.fromEntries([...changed].map((each) => [each, after[each]]));
}

const HELD: [string, string][] = [['false', 'no'], ['true', 'yes: it is not answered']];
const APPROVED: [string, string][] = [['false', 'no: rules that hold machines hold it'], ['true', 'yes: rules that hold machines pass it by']];

/** `tag`: of the machine as it was read; null: nobody has entered it. `byMac`: it is known by that, so its UUID can be said. */
function Form({ path, machine, tag, byMac, close }: { path: string; machine: Settings; tag: string | null; byMac: boolean; close: () => void }) {
  const images = useLive<ImageSet[]>('/api/v1/images?limit=10000', 10_000).value ?? [];
  const templates = useLive<TemplateState[]>('/api/v1/templates?limit=10000', 10_000).value ?? [];
  const [draft, setDraft] = useState(machine);
  const set = (part: Partial<Settings>) => setDraft((now) => ({ ...now, ...part }));
  const [groups, setGroups] = useState(machine.groups.join(', '));
  const { name, serial, uuid } = draft;
  const said = { ...draft, name: name.trim(), serial: serial.trim(), uuid: uuid.trim().toLowerCase(), groups: listOf(groups).sort() };
  const changes = changesOf(machine, said);
  const { attempt, busy, problem } = useAttempt(changes);
  const same = tag !== null && Object.keys(changes).length === 0;
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await put(path, changes, tag, 'Somebody has entered the machine meanwhile: close this, and open it again.');
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <Pick label="Image set" value={draft.image_set} options={options(images.map((each) => each.reference), draft.image_set, 'as the rules say')} set={(image_set) => set({ image_set })} />
      <Pick label="How often it boots" value={draft.mode} options={options(MODES, draft.mode)} set={(mode) => set({ mode })} />
      <p class="note words">How often counts only with an image set of its own; else the rule that it boots by says it.</p>
      <Pick label="Held" value={String(draft.hold)} options={HELD} set={(hold) => set({ hold: hold === 'true' })} />
      <Pick label="iPXE is sent to" value={draft.script} options={options(templates.map((each) => each.name), draft.script, 'what the rules say')} set={(script) => set({ script })} />
      <Pick label="Approved" value={String(draft.approved)} options={APPROVED} set={(approved) => set({ approved: approved === 'true' })} />
      <Line id="machine-name" label="Name" hint="node7; told by DHCP as its host name" value={name} set={(typed) => set({ name: typed })} />
      <Line id="machine-groups" label="Groups" hint="web, site/west; empty: none" value={groups} set={setGroups} />
      <Line id="machine-serial" label="Serial number" hint="as on its label" value={serial} set={(typed) => set({ serial: typed })} />
      {byMac && <Line id="machine-uuid" label="UUID" hint="as its firmware tells it" value={uuid} set={(typed) => set({ uuid: typed })} />}
      <p class="note words" role="status">{('image_set' in changes || 'hold' in changes) && 'Its boots are counted anew from then on: its plan begins anew.'}</p>
      <Ending label="Save" close={close} problem={problem} disabled={busy || same} />
    </form>
  );
}

function Edit({ path, name, byMac }: { path: string; name: string; byMac: boolean }) {
  return (
    <Opens label="Edit" named="Edit settings" title={`Settings of ${name}`}>
      {(close) => (
        <Read read={() => getIfThere<Machine>(path)} close={close}>
          {(answer) => <Form path={path} machine={answer?.value ?? NONE} tag={answer && (answer.tag ?? '')} byMac={byMac} close={close} />}
        </Read>
      )}
    </Opens>
  );
}

function Actions({ path, mac, machine }: { path: string; mac: string; machine: Machine | undefined }) {
  const { attempt, busy, problem } = useAttempt();
  const name = machine?.name || mac;
  // One that is gone meanwhile is not entered again by it.
  const approve = () => attempt(async () => {
    const tag = machine ? ((await get<Machine>(path)).tag ?? '') : null;
    await put(path, { approved: true }, tag, 'Somebody has entered the machine meanwhile: look at it, then approve it.');
    refresh('/api/v1/');
  });
  const beginAnew = async (tag: string) => {
    await change('PUT', path, {}, onlyOver(tag));
    refresh('/api/v1/');
  };
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons under">
        <Edit path={path} name={name} byMac={mac.includes(':')} />
        {!machine?.approved && <button type="button" disabled={busy} onClick={approve}>Approve</button>}
        {machine && machine.boots_completed + machine.boots_failed > 0 && (
          <OpensOver<Machine> label="Begin anew" title={`Begin the plan of ${name} anew?`} path={path}>
            {(now, tag, close, again) => (
              <Removal label="Begin anew" close={close} action={() => beginAnew(tag)} again={again}>
                Its boots are counted from nought, as if it never had booted: {now.hold && 'it stays held, and once it is not '}it boots {now.image_set ? now.mode : 'as the rules say'}.
              </Removal>
            )}
          </OpensOver>
        )}
        {machine && machine.id !== 0 && (
          <Removes<Machine> named={`Remove ${name}`} title={`Forget ${name}?`} read={path} gone={() => go('machines')}>
            {({ image_set }) => `Its image set${image_set && ` ${image_set}`}, name, groups, labels, variables and approval are removed from the catalog. Its boots stay. When it boots again, it is decided of as of a machine that nobody has entered.`}
          </Removes>
        )}
      </div>
    </>
  );
}

export function MachineSettings({ mac, machine, changes }: { mac: string; machine: Machine | undefined; changes: boolean }) {
  const { name, serial, uuid, groups, image_set, script, mode, hold, approved } = machine ?? NONE;
  const note = machine?.id === 0 ? 'It is in slipway.toml; who changes it here makes a record that counts instead.' : undefined;
  return (
    <Panel title="Settings" note={note}>
      <dl class="pairs">
        <div><dt>Image set</dt><dd>{image_set ? <a href={`#/images/${image_set}`}>{image_set}</a> : 'as the rules say'}</dd></div>
        <div><dt>Boots</dt><dd>{image_set ? mode : 'as the rules say'}{hold && <> <Badge tone="warn">Held</Badge></>}</dd></div>
        <div><dt>iPXE is sent to</dt><dd>{script ? <a href={`#/templates/${encodeURIComponent(script)}`}>{script}</a> : 'what the rules say'}</dd></div>
        <div><dt>Approved</dt><dd>{approved ? 'yes' : 'no'}</dd></div>
        <div><dt>Name</dt><dd>{name || 'none'}</dd></div>
        <div><dt>Groups</dt><dd class="labels">{groups.length === 0 ? 'none' : groups.map((each) => <code key={each}>{each}</code>)}</dd></div>
        <div><dt>Serial number</dt><dd>{serial || 'not known'}</dd></div>
        <div><dt>UUID</dt><dd class="mono">{uuid || 'not known'}</dd></div>
      </dl>
      {changes && <Actions path={`/api/v1/machines/${mac}`} mac={mac} machine={machine} />}
    </Panel>
  );
}
