// SPDX-License-Identifier: Apache-2.0
//
// What a form has any number of: texts with commas between them, and rows of a name and a value. A row that is added, and what stands
// where one was removed, has the focus, so that the keyboard is never lost.
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Problem } from './api';

export const listOf = (text: string) => text.split(',').map((each) => each.trim()).filter((each) => each !== '');

export interface Row { key: number; name: string; value: string }

let last = 0;
export const row = (name = '', value = ''): Row => ({ key: ++last, name, value });

export const rowsOf = (texts: Record<string, string>): Row[] => Object.entries(texts).map(([name, value]) => row(name, value));

/** Rows as an object; one name twice would lose a value without a word. */
export function textsOf(rows: Row[]): Record<string, string> {
  const texts = new Map<string, string>();
  for (const { name, value } of rows) {
    const key = name.trim();
    if (texts.has(key)) throw new Problem(0, 'Said twice', `${key} is there twice: remove one of them.`);
    texts.set(key, value);
  }
  return Object.fromEntries(texts);
}

/** `lines`: a value may have several, so Enter begins one. */
export interface Field { label: string; hint: string; number?: boolean; lines?: boolean; optional?: boolean }

function Input({ field, label, value, set }: { field: Field; label: string; value: string; set: (value: string) => void }) {
  const said = { 'aria-label': label, placeholder: field.hint, required: !field.optional, spellcheck: false, value };
  if (field.lines) {
    return <textarea {...said} rows={Math.min(value.split('\n').length, 6)} onInput={(event) => set(event.currentTarget.value)} />;
  }
  return <input {...said} type={field.number ? 'number' : 'text'} autocomplete="off" onInput={(event) => set(event.currentTarget.value)} />;
}

/** `what`: one of them, "DHCP option"; `fields`: what its name and its value are called. */
export function Rows({ title, what, fields, rows, set }: {
  title: string; what: string; fields: [Field, Field]; rows: Row[]; set: (rows: Row[]) => void;
}) {
  const [name, value] = fields;
  const group = useRef<HTMLFieldSetElement>(null);
  const next = useRef(''); // what has the focus once it is drawn
  useLayoutEffect(() => {
    if (next.current) group.current?.querySelector<HTMLElement>(next.current)?.focus();
    next.current = '';
  }, [rows]);
  const add = () => {
    next.current = 'li:last-child input';
    set([...rows, row()]);
  };
  const remove = (index: number) => {
    const left = rows.length - 1;
    next.current = left > 0 ? `li:nth-child(${Math.min(index + 1, left)}) button` : ':scope > button';
    set(rows.filter((_, place) => place !== index));
  };
  const change = (index: number, part: Partial<Row>) => set(rows.map((each, place) => (place === index ? { ...each, ...part } : each)));
  return (
    <fieldset ref={group} class="rows">
      <legend>{title}</legend>
      {rows.length > 0 && (
        <ol>
          {rows.map((each, index) => (
            <li key={each.key}>
              <Input field={name} label={`${name.label} ${index + 1}`} value={each.name} set={(text) => change(index, { name: text })} />
              <Input field={value} label={`${value.label} ${index + 1}`} value={each.value} set={(text) => change(index, { value: text })} />
              <button type="button" aria-label={`Remove ${what} ${index + 1}`} onClick={() => remove(index)}>Remove</button>
            </li>
          ))}
        </ol>
      )}
      <button type="button" onClick={add}>Add a {what}</button>
    </fieldset>
  );
}

export const OPTION_FIELDS: [Field, Field] = [{ label: 'Option code', hint: '42', number: true }, { label: 'Option octets', hint: 'hexadecimal: 0a4d0001' }];
export const VARIABLE_FIELDS: [Field, Field] = [{ label: 'Variable name', hint: 'hostname' }, { label: 'Variable value', hint: 'empty is a value too', lines: true, optional: true }];
export const LABEL_FIELDS: [Field, Field] = [{ label: 'Label name', hint: 'rack' }, { label: 'Label value', hint: 'a1; empty is a value too', optional: true }];
