// SPDX-License-Identifier: Apache-2.0
//
// Dialogs that are more than a question (Confirm in parts.tsx): what stands in one is made anew each
// time it opens, and what the server refuses is told in it, so that nothing typed is lost.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Problem } from './api';
import { ProblemBox, useAttempt } from './parts';

/** A button and the dialog that it opens. `named`: what the button is called where many say the same; `wide`: it holds a document. */
export function Opens({ label, named, title, kind, wide, children }: {
  label: string; named?: string; title: string; kind?: 'primary' | 'danger'; wide?: boolean; children: (close: () => void) => ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  // What it holds must be there by then: the first that can be used is given the focus.
  useLayoutEffect(() => {
    if (open) dialog.current?.showModal();
  }, [open]);
  return (
    <>
      <button type="button" class={kind} aria-label={named} onClick={() => setOpen(true)}>{label}</button>
      <dialog ref={dialog} class={wide ? 'wide' : undefined} aria-label={title} onClose={() => setOpen(false)}>
        {open && <><h2>{title}</h2>{children(() => dialog.current?.close())}</>}
      </dialog>
    </>
  );
}

/** What a dialog is about, read once when it opens: what is typed is not typed over. */
function useOnce<T>(read: () => Promise<T>): { value?: T; problem?: Problem } {
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
  return state;
}

/** Draws what was read once, and why it was not. */
export function Read<T>({ read, close, children }: { read: () => Promise<T>; close: () => void; children: (value: T) => ComponentChildren }) {
  const { value, problem } = useOnce(read);
  useEffect(() => {
    if (value !== undefined) document.querySelector<HTMLElement>('dialog[open] :is(input, select, button)')?.focus();
  }, [value]);
  if (value !== undefined) return <>{children(value)}</>;
  return (
    <>
      {problem ? <ProblemBox problem={problem} /> : <p class="empty" aria-busy="true">Asking…</p>}
      <div class="buttons"><button type="button" onClick={close}>Cancel</button></div>
    </>
  );
}

/** How a form in a dialog ends: why it was refused, where whoever pressed looks, and its two buttons. */
export function Ending({ label, close, problem, disabled }: { label: string; close: () => void; problem: Problem | undefined; disabled: boolean }) {
  return (
    <>
      {problem && <ProblemBox problem={problem} />}
      <div class="buttons">
        <button type="button" onClick={close}>Cancel</button>
        <button class="primary" type="submit" disabled={disabled}>{label}</button>
      </div>
    </>
  );
}

/** What a dialog says before something goes away for good. */
export function Removal({ label, close, action, children }: {
  label: string; close: () => void; action: () => Promise<void>; children: ComponentChildren;
}) {
  const { attempt, busy, problem } = useAttempt();
  const remove = () => attempt(async () => {
    await action();
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
