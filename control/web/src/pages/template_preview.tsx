// SPDX-License-Identifier: Apache-2.0
//
// The document that a machine gets by a template, or would get by what is typed in the form.
import { useEffect, useState } from 'preact/hooks';
import { change, get, type Machine, type TemplatePreview } from '../api';
import { useLive } from '../live';
import { ProblemBox, useAttempt } from '../parts';

export const templatePath = (name: string) => `/api/v1/templates/${encodeURIComponent(name)}`;

/** A text as it is: what does not fit is scrolled to, by keyboard too. */
export function Text({ label, text }: { label: string; text: string }) {
  return <pre class="document mono" role="group" aria-label={label} tabIndex={0}>{text}</pre>;
}

/** `draft`: what a PUT of it would say, where it is not to be the template as it stands; `begun`: is told of each new try. */
export function Preview({ name, selector, draft, begun }: { name: string; selector: string; draft?: unknown; begun?: () => void }) {
  const id = draft === undefined ? 'preview-machines' : 'draft-machines'; // the page has one, and the form that is opened on it
  const [key, setKey] = useState('');
  const [made, setMade] = useState<TemplatePreview | undefined>();
  const { attempt, busy, problem } = useAttempt([draft, key]);
  // Offered are those it means; another can be typed, and the answer says why it has none.
  const means = useLive<Machine[]>(`/api/v1/machines?limit=20&selector=${encodeURIComponent(selector)}`, 30_000).value ?? [];
  // No document is of another text than is typed.
  useEffect(() => setMade(undefined), [JSON.stringify(draft)]);
  const path = `${templatePath(name)}/preview?machine=${encodeURIComponent(key.trim())}`;
  const lacks = busy || !name || !key.trim();
  const show = () => attempt(async () => {
    begun?.();
    setMade(undefined);
    setMade(draft === undefined ? (await get<TemplatePreview>(path)).value : await change<TemplatePreview>('POST', path, draft));
  });
  // In a form Enter would save what is only to be looked at.
  const enter = (event: KeyboardEvent) => {
    if (event.key !== 'Enter') return;
    event.preventDefault();
    if (!lacks) void show();
  };
  return (
    <div class="form">
      <span class="row">
        <span>Machine</span>
        <input aria-label="Machine" list={id} autocomplete="off" spellcheck={false} placeholder="52:54:00:12:34:56, or its UUID" value={key} onInput={(event) => setKey(event.currentTarget.value)} onKeyDown={enter} />
        <button type="button" disabled={lacks} onClick={show}>Preview</button>
      </span>
      <datalist id={id}>{means.map((each) => <option key={each.id} value={each.mac || each.uuid}>{each.name}</option>)}</datalist>
      {problem && <ProblemBox problem={problem} />}
      <p class="note" role="status">{made && <>What it {draft === undefined ? 'gets' : 'would get'} at <code>{made.path}</code>, as {made.media_type}:</>}</p>
      {made && <Text label="The machine's document" text={made.text} />}
    </div>
  );
}
