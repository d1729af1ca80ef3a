// SPDX-License-Identifier: Apache-2.0
//
// What is to be said of a template: a new one, or one that is there, over what it was when the
// dialog opened; and taking one away.
import { useState } from 'preact/hooks';
import { put, type Template } from '../api';
import { Ending, Line, Opens, OpensOver, Removes } from '../dialog';
import { count } from '../format';
import { refresh } from '../live';
import { useAttempt } from '../parts';
import { selectorWords } from '../selector';
import { Preview, templatePath } from './template_preview';

const NEW: Template = { name: '', selector: '', media_type: '', bytes: 0, documents: 0, failures: 0, text: '', failing: [] };
const KINDS = ['text/plain', 'application/json', 'application/xml', 'application/yaml', 'text/x-shellscript'];

/** `tag`: of the template as it was read; null: there is none yet. */
function Form({ template, tag, close }: { template: Template; tag: string | null; close: () => void }) {
  // A field has line feeds alone; a text that came with others keeps them.
  const ends = template.text.includes('\r\n') ? '\r\n' : '\n';
  const [draft, setDraft] = useState({ ...template, text: template.text.replaceAll('\r\n', '\n') });
  const set = (part: Partial<Template>) => setDraft((now) => ({ ...now, ...part }));
  const { selector, media_type } = draft;
  const name = draft.name.trim();
  const body = { text: draft.text.replaceAll('\n', ends), selector, ...(media_type && { media_type }) };
  const { attempt, busy, problem, forget } = useAttempt([name, body]);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await put(templatePath(name), body, tag, 'Choose another name, or edit that template.');
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      {tag === null && <Line id="template-name" label="Name" hint="user-data; the last part of its address" required value={draft.name} set={(typed) => set({ name: typed })} />}
      <span class="row"><label for="template-selector">Machines</label><input id="template-selector" autocomplete="off" spellcheck={false} placeholder="role=web, rack in (a1, a2); empty: all" aria-describedby="template-meaning" value={selector} onInput={(event) => set({ selector: event.currentTarget.value })} /></span>
      <p id="template-meaning" class="note words">Means: {selectorWords(selector) ?? 'not a selector yet'}, of those in the catalog.</p>
      <span class="row"><label for="template-kind">Kind</label><input id="template-kind" list="template-kinds" required={tag !== null} autocomplete="off" spellcheck={false} placeholder="empty: by its name" value={media_type} onInput={(event) => set({ media_type: event.currentTarget.value })} /></span>
      <datalist id="template-kinds">{KINDS.map((each) => <option key={each} value={each} />)}</datalist>
      <span class="row tall"><label for="template-text">Text</label><textarea id="template-text" class="mono" rows={12} spellcheck={false} aria-describedby="template-hint" value={draft.text} onInput={(event) => set({ text: event.currentTarget.value })} /></span>
      <p id="template-hint" class="note words">A variable is written <code>{'{{hostname}}'}</code>. Whoever is on the boot network can read every document: no secrets.</p>
      <fieldset><legend>See it first</legend><Preview name={name} selector={template.selector} draft={body} begun={forget} /></fieldset>
      <Ending label="Save" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

export function AddTemplate() {
  return <Opens label="Add a template" title="A new template" kind="primary" wide>{(close) => <Form template={NEW} tag={null} close={close} />}</Opens>;
}

export function EditTemplate({ name }: { name: string }) {
  return (
    <OpensOver<Template> label="Edit" named={`Edit ${name}`} title={`Template ${name}`} wide path={templatePath(name)}>
      {(template, tag, close) => <Form template={template} tag={tag} close={close} />}
    </OpensOver>
  );
}

/** `gone`: what else is to be done then. */
export function RemoveTemplate({ name, gone }: { name: string; gone?: () => void }) {
  return (
    <Removes<Template> named={`Remove ${name}`} title={`Remove the template ${name}?`} read={templatePath(name)} gone={gone}>
      {({ documents }) => `${documents === 0 ? 'No machine has a document by it now.' : `${count(documents)} ${documents === 1 ? 'machine has its' : 'machines have their'} document by it now, and will be told that there is none.`} One that a rule or a machine sends iPXE to is not removed.`}
    </Removes>
  );
}
