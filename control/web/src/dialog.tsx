// SPDX-License-Identifier: Apache-2.0
//
// Dialogs that are more than a question (Confirm in parts.tsx): what stands in one is made anew each
// time it opens, and what the server refuses is told in it, so that nothing typed is lost.
import { render, type ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { change, get, onlyOver, Problem } from './api';
import { refresh } from './live';
import { Choice, ProblemBox, useAttempt } from './parts';

/** `named`: what the button is called where many say the same; `wide`: the dialog holds a document. */
interface Opening { label: string; named?: string; title: string; kind?: 'primary' | 'danger'; wide?: boolean }

/** What is asked before Escape closes a dialog: true keeps it open. `held`: the key is, so it is nobody's second thought. */
export type Keeps = { current: ((held: boolean) => boolean) | undefined };

/** Draws what it holds at the end of the document. A dialog that stood in the row it was opened from would be moved with it when
    somebody else changes the order of rows, and what is moved while it is open is not modal any more: Escape would not close it. */
function Apart({ children }: { children: ComponentChildren }) {
  const place = useRef<HTMLElement>();
  useLayoutEffect(() => {
    place.current ??= document.body.appendChild(document.createElement('div'));
    render(children, place.current);
  });
  useLayoutEffect(() => () => {
    if (place.current) render(null, place.current);
    place.current?.remove();
  }, []);
  return null;
}

/** A button and the dialog that it opens. */
export function Opens({ label, named, title, kind, wide, children }: Opening & { children: (close: () => void, keeps: Keeps) => ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const keeps = useRef<Keeps['current']>();
  // By its key too: what closes a dialog cannot be kept from it where nothing was pressed on the page before.
  const stays = (event: Event, held: boolean) => {
    if (keeps.current?.(held)) event.preventDefault();
  };
  // Each opening has a number: an answer that comes late closes the dialog that it was asked for in, not one that was opened since.
  const opened = useRef(0);
  const [open, setOpen] = useState(0); // 0: closed
  const closes = (which: number) => () => {
    if (which !== opened.current) return;
    dialog.current?.close();
    setOpen(0); // what it held is gone with it: the event of its closing comes later, as after Escape
  };
  const show = () => setOpen(++opened.current);
  // What it holds must be there by then: the first that can be used is given the focus.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button type="button" class={kind} aria-label={named} onClick={show}>{label}</button>
      {open !== 0 && (
        <Apart key={open}>
          <dialog ref={dialog} class={wide ? 'wide' : undefined} aria-label={title} onClose={(event) => event.currentTarget === dialog.current && setOpen(0)}
            onCancel={(event) => stays(event, false)} onKeyDown={(event) => event.key === 'Escape' && stays(event, event.repeat)}>
            <h2>{title}</h2>
            {children(closes(open), keeps)}
          </dialog>
        </Apart>
      )}
    </>
  );
}

/** What a dialog is about, read when it opens, and then only by `again`: what is typed is not typed over. */
function useOnce<T>(read: () => Promise<T>): { value?: T; problem?: Problem; again: () => Promise<void> } {
  const [state, setState] = useState<{ value?: T; problem?: Problem }>({});
  useEffect(() => {
    let gone = false;
    read().then((value) => gone || setState({ value }), (error) => {
      if (!(error instanceof Problem)) throw error;
      if (!gone) setState({ problem: error });
    });
    return () => {
      gone = true;
    };
  }, []);
  return { ...state, again: async () => setState({ value: await read() }) };
}

/** Draws what was read once, and why it was not. `again`: reads it anew. */
export function Read<T>({ read, close, children }: {
  read: () => Promise<T>; close: () => void; children: (value: T, again: () => Promise<void>) => ComponentChildren;
}) {
  const { value, problem, again } = useOnce(read);
  // At once with what is drawn: whoever sees the form may type.
  useLayoutEffect(() => {
    if (value !== undefined) document.querySelector<HTMLElement>('dialog[open] :is(input, select, button)')?.focus();
  }, [value]);
  if (value !== undefined) return <>{children(value, again)}</>;
  return (
    <>
      {problem ? <ProblemBox problem={problem} /> : <p class="empty" aria-busy="true">Asking…</p>}
      <div class="buttons"><button type="button" onClick={close}>Cancel</button></div>
    </>
  );
}

/** A button, and a dialog about what is at `path`: that is read when it opens, and its tag is for changing it over that. */
export function OpensOver<T>({ path, children, ...opening }: Opening & {
  path: string; children: (value: T, tag: string, close: () => void, again: () => Promise<void>) => ComponentChildren;
}) {
  return (
    <Opens {...opening}>
      {(close) => <Read read={() => get<T>(path)} close={close}>{({ value, tag }, again) => children(value, tag ?? '', close, again)}</Read>}
    </Opens>
  );
}

/** A line of a form: its label, and a field for a short text. */
export function Line({ id, label, hint, required, value, set }: {
  id: string; label: string; hint: string; required?: boolean; value: string; set: (value: string) => void;
}) {
  return (
    <span class="row">
      <label for={id}>{label}</label>
      <input id={id} required={required} autocomplete="off" spellcheck={false} placeholder={hint} value={value} onInput={(event) => set(event.currentTarget.value)} />
    </span>
  );
}

/** A line of a form: its label, and a choice. */
export function Pick({ label, value, options, set }: { label: string; value: string; options: [string, string][]; set: (value: string) => void }) {
  return <span class="row"><span>{label}</span><Choice label={label} value={value} options={options} change={set} /></span>;
}

/** How a form in a dialog ends: why it was refused, where whoever pressed looks, and its two buttons. `leave`: what the other one says. */
export function Ending({ label, leave = 'Cancel', close, problem, disabled }: {
  label: string; leave?: string; close: () => void; problem: Problem | undefined; disabled: boolean;
}) {
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons">
        <button type="button" onClick={close}>{leave}</button>
        <button class="primary" type="submit" disabled={disabled}>{label}</button>
      </div>
    </>
  );
}

/** What a dialog says before something goes away for good. `again`: reads what it says that of, where somebody has changed it
    meanwhile; who still wants it gone then has seen what it is. `said`: what is chosen in it, if anything is. */
export function Removal({ label, close, action, again, said, children }: {
  label: string; close: () => void; action: () => Promise<void>; again?: () => Promise<void>; said?: unknown; children: ComponentChildren;
}) {
  const { attempt, busy, problem } = useAttempt(said);
  const remove = () => attempt(async () => {
    try {
      await action();
    } catch (error) {
      if (error instanceof Problem && error.status === 412) await again?.();
      throw error;
    }
    close();
    document.getElementById('content')?.focus(); // the button that it was opened by goes too
  });
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      <div class="words">{children}</div>
      <div class="buttons">
        <button type="button" onClick={close}>Cancel</button>
        <button type="button" class="danger" disabled={busy} onClick={remove}>{label}</button>
      </div>
    </>
  );
}

/** The button, and the question before something goes away, if it is then as the question found it. `path`: what is removed, where
    that is a part of what is read; `gone`: what else is to be done then. */
export function Removes<T>({ named, title, read, path = read, gone, children }: {
  named: string; title: string; read: string; path?: string; gone?: () => void; children: (value: T) => ComponentChildren;
}) {
  const remove = async (tag: string) => {
    await change('DELETE', path, undefined, onlyOver(tag));
    refresh('/api/v1/');
    gone?.();
  };
  return (
    <OpensOver<T> label="Remove" named={named} title={title} kind="danger" path={read}>
      {(value, tag, close, again) => <Removal label="Remove" close={close} action={() => remove(tag)} again={again}>{children(value)}</Removal>}
    </OpensOver>
  );
}
