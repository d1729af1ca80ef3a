// SPDX-License-Identifier: Apache-2.0
//
// What is to be said of a rule: a new one, or one that is there, over what it was when the dialog
// opened.
import { useState } from 'preact/hooks';
import { getAll, put, type ImageSet, type Rule, type RuleAction, type TemplateState } from '../api';
import { Ending, Line, Opens, OpensOver, Read } from '../dialog';
import { refresh, useLive } from '../live';
import { Choice, useAttempt } from '../parts';
import { OPTION_FIELDS, row, Rows, rowsOf, textsOf, VARIABLE_FIELDS } from '../rows';
import { lastOrder } from '../rule_order';
import { selectorWords } from '../selector';

export const rulePath = (name: string) => `/api/v1/rules/${name.split('/').map(encodeURIComponent).join('/')}`;

export const ACTIONS: Record<RuleAction, string> = {
  boot: 'boots the image set',
  quarantine: 'boots the image set, and is told no way out of its network',
  hold: 'is not answered until it is approved',
  ignore: 'is never answered',
  local: 'goes on to its own next boot option',
};
const CHOICES = Object.entries(ACTIONS).map(([action, words]): [string, string] => [action, `${action}: ${words}`]);
export const MODES = ['always', 'once', 'until-success:3'];
const NEW: Rule = { name: '', order: 0, selector: '', action: 'boot', image_set: '', mode: 'always', options: [], variables: {}, script: '' };

const needsImage = (action: RuleAction) => action === 'boot' || action === 'quarantine';

// What an action has no use for is left out, as `slipway rule set` does; the server would refuse it.
function bodyOf({ name: _, image_set, script, mode, ...rest }: Rule): unknown {
  return { ...rest, ...(needsImage(rest.action) && { image_set, script }), ...(rest.action === 'boot' && { mode }) };
}

/** Choices of what is known, and of what is kept though it is not; `none`: what is said where none is chosen. */
export function options(known: string[], kept: string, none?: string): [string, string][] {
  const all = [...new Set([...known, kept])].filter((each) => each !== '');
  return [...(none === undefined ? [] : [['', none] as [string, string]]), ...all.map((each): [string, string] => [each, each])];
}

function Leads({ draft, set }: { draft: Rule; set: (part: Partial<Rule>) => void }) {
  const images = useLive<ImageSet[]>('/api/v1/images?limit=10000', 10_000);
  const templates = useLive<TemplateState[]>('/api/v1/templates?limit=10000', 10_000);
  const sets = options((images.value ?? []).map((each) => each.reference), draft.image_set, 'choose one');
  const scripts = options((templates.value ?? []).map((each) => each.name), draft.script, 'the image set itself');
  return (
    <>
      <span class="row"><span>Image set</span><Choice label="Image set" value={draft.image_set} options={sets} change={(image_set) => set({ image_set })} /></span>
      {draft.action === 'boot' && <span class="row"><span>How often</span><Choice label="How often" value={draft.mode} options={options(MODES, draft.mode)} change={(mode) => set({ mode })} /></span>}
      <span class="row"><span>iPXE is sent to</span><Choice label="iPXE is sent to" value={draft.script} options={scripts} change={(script) => set({ script })} /></span>
    </>
  );
}

/** `tag`: of the rule as it was read; null: there is none yet. */
function Form({ rule, tag, close }: { rule: Rule; tag: string | null; close: () => void }) {
  const [draft, setDraft] = useState(rule);
  const set = (part: Partial<Rule>) => setDraft((now) => ({ ...now, ...part }));
  const [order, setOrder] = useState(String(rule.order));
  const [codes, setCodes] = useState(() => rule.options.map((each) => row(String(each.code), each.hex)));
  const [variables, setVariables] = useState(() => rowsOf(rule.variables));
  const { attempt, busy, problem } = useAttempt([draft, order, codes, variables]);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      const said = codes.map(({ name, value }) => ({ code: Number(name), hex: value.trim() }));
      const whole = { ...draft, order: Number(order), options: said, variables: textsOf(variables) };
      await put(rulePath(draft.name.trim()), bodyOf(whole), tag, 'Choose another name, or edit that rule.');
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      {tag === null && <Line id="rule-name" label="Name" hint="racks" required value={draft.name} set={(name) => set({ name })} />}
      <span class="row"><label for="rule-order">Order</label><input id="rule-order" type="number" required min="0" max="1000000" value={order} onInput={(event) => setOrder(event.currentTarget.value)} /></span>
      <span class="row"><label for="rule-selector">Machines</label><input id="rule-selector" autocomplete="off" spellcheck={false} placeholder="rack in (a1, a2), arch=x64; empty: all" aria-describedby="rule-meaning" value={draft.selector} onInput={(event) => set({ selector: event.currentTarget.value })} /></span>
      <p id="rule-meaning" class="note words">Means: {selectorWords(draft.selector) ?? 'not a selector yet'}.</p>
      <span class="row"><span>Action</span><Choice label="Action" value={draft.action} options={CHOICES} change={(action) => set({ action: action as RuleAction })} /></span>
      {needsImage(draft.action) && <Leads draft={draft} set={set} />}
      <Rows title="DHCP options" what="DHCP option" fields={OPTION_FIELDS} rows={codes} set={setCodes} />
      <Rows title="Variables for templates" what="variable" fields={VARIABLE_FIELDS} rows={variables} set={setVariables} />
      <Ending label="Save" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

export function AddRule() {
  return (
    <Opens label="Add a rule" title="A new rule" kind="primary">
      {(close) => (
        <Read read={() => getAll<Rule>('/api/v1/rules?limit=1000')} close={close}>
          {(rules) => <Form rule={{ ...NEW, order: lastOrder(rules) }} tag={null} close={close} />}
        </Read>
      )}
    </Opens>
  );
}

export function EditRule({ name }: { name: string }) {
  return (
    <OpensOver<Rule> label="Edit" named={`Edit ${name}`} title={`Rule ${name}`} path={rulePath(name)}>
      {(rule, tag, close) => <Form rule={rule} tag={tag} close={close} />}
    </OpensOver>
  );
}
