// SPDX-License-Identifier: Apache-2.0
//
// What the pages are put together from.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { change, Problem, type Boot, type Role, type Who } from './api';
import { ago, bytes, moment, percent, seconds } from './format';
import type { Live, LiveList } from './live';
import { selectorWords } from './selector';

export type Tone = 'good' | 'bad' | 'busy' | 'warn' | 'idle';

export function Badge({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`badge ${tone}`}><span class="dot" aria-hidden="true" />{children}</span>;
}

export function Time({ unix }: { unix: number }) {
  return <time dateTime={new Date(unix * 1000).toISOString()} title={moment(unix)}>{ago(unix)}</time>;
}

export function Ends({ unix }: { unix: number }) {
  const left = unix - Date.now() / 1000;
  return left > 0 ? <span>in {seconds(left)}</span> : <Time unix={unix} />;
}

export function Panel(props: { title: string; note?: ComponentChildren; actions?: ComponentChildren; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={props.wide ? 'panel wide' : 'panel'} aria-label={props.title}>
      <header><h2>{props.title}</h2>{props.note !== undefined && <p class="note">{props.note}</p>}{props.actions}</header>
      {props.children}
    </section>
  );
}

export function Head({ title, children }: { title: string; children?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Slipway`;
  }, [title]);
  return <div class="head"><h1>{title}</h1>{children}</div>;
}

export const Empty = ({ children }: { children: ComponentChildren }) => <p class="empty">{children}</p>;

export function ProblemBox({ problem }: { problem: Problem }) {
  return <div class="notice bad" role="alert"><strong>{problem.title}.</strong> {problem.message}</div>;
}

/** What of a list is shown while it is asked for, when it is empty, and when it cannot be had. */
export function Loaded<T>({ live, empty, children }: { live: Live<T[]>; empty: ComponentChildren; children: (list: T[]) => ComponentChildren }) {
  if (live.value === undefined) {
    return live.problem ? <ProblemBox problem={live.problem} /> : <p class="empty" aria-busy="true">Asking…</p>;
  }
  return <>{live.value.length === 0 ? <Empty>{empty}</Empty> : children(live.value)}</>;
}

/** Where a list goes on beyond what is shown, what shows more of it. */
export function More<T>({ list }: { list: LiveList<T> }) {
  if (list.next === null || list.value === undefined) return null;
  return <p class="note inset">The first {list.value.length}. <button type="button" class="link" onClick={list.showMore}>Show more</button></p>;
}

/** A list page by page: as a table in a panel of its own, and what it says while there is nothing in it. */
export function Listed<T>({ name, caption, columns, list, empty, children }: {
  name: string; caption: string; columns: string[]; list: LiveList<T>; empty: ComponentChildren; children: (each: T) => ComponentChildren;
}) {
  return (
    <>
      {list.value && list.problem && <ProblemBox problem={list.problem} />}
      <section class="panel flush" aria-label={name}>
        <Loaded live={list} empty={<span class="inset">{empty}</span>}>
          {(items) => <Table caption={caption} columns={columns}>{items.map(children)}</Table>}
        </Loaded>
        <More list={list} />
      </section>
    </>
  );
}

/** A table that becomes a list of cards where it is narrow; cells name their column for that. */
export function Table({ caption, columns, children }: { caption: string; columns: string[]; children: ComponentChildren }) {
  return (
    <table>
      <caption class="unseen">{caption}</caption>
      <thead><tr>{columns.map((each) => <th scope="col" key={each}>{each}</th>)}</tr></thead>
      <tbody>{children}</tbody>
    </table>
  );
}

export function Cell({ label, children, class: name }: { label: string; children?: ComponentChildren; class?: string }) {
  return <td data-label={label} class={name}>{children}</td>;
}

/** Which machines a selector means, and how it is written. */
export function Selected({ selector }: { selector: string }) {
  return <span class="words">{selectorWords(selector) ?? selector}{selector && <small><code>{selector}</code></small>}</span>;
}

export function Bar({ label, value, of, tone }: { label: string; value: number; of: number; tone?: Tone }) {
  return <progress class={tone} aria-label={label} value={of > 0 ? value : 0} max={of > 0 ? of : 1} />;
}

export const OUTCOMES: Record<string, { tone: Tone; word: string }> = {
  'under way': { tone: 'busy', word: 'Booting' },
  complete: { tone: 'good', word: 'Booted' },
  failed: { tone: 'bad', word: 'Failed' },
  abandoned: { tone: 'warn', word: 'Gave up' },
};

export function OutcomeBadge({ boot }: { boot: Boot }) {
  const known = OUTCOMES[boot.outcome] ?? { tone: 'idle', word: boot.outcome };
  const waits = boot.outcome === 'under way' && boot.words.includes('waits for its turn');
  if (waits) return <Badge tone="idle">Waiting</Badge>;
  if (boot.loading) return <Badge tone="busy">Loading</Badge>;
  return <Badge tone={known.tone as Tone}>{known.word}</Badge>;
}

/** How far a boot is: its download as a bar, or the sentence of where it stands. */
export function BootProgress({ boot }: { boot: Boot }) {
  const loading = boot.loading;
  if (!loading) return <span class="words">{boot.words}</span>;
  const share = loading.of > 0 ? loading.bytes / loading.of : 0;
  return (
    <div class="loading">
      <Bar label={`${boot.mac} loads ${loading.path}`} value={loading.bytes} of={loading.of} />
      <span class="words"><b>{percent(share)}</b> of {bytes(loading.of)} <span class="path" title={loading.path}>{loading.path.split('/').pop()}</span></span>
    </div>
  );
}

const rank: Record<Role, number> = { viewer: 0, operator: 1, admin: 2 };
export const may = (role: Role, needed: Role) => rank[role] >= rank[needed];
/** The same of what all machines share: a scope is of machines. */
export const mayShared = (who: Who, needed: Role) => may(who.role, needed) && !who.scope;

/** Does something that the server may refuse, and keeps why until it is done again, or what it would be done with (`said`) is
    something else: what was refused is not what is typed any more. */
export function useAttempt(said?: unknown) {
  const [problem, setProblem] = useState<Problem | undefined>();
  const [busy, setBusy] = useState(false);
  const forget = () => setProblem(undefined);
  // At once with what is drawn: later it could take away the refusal of a try that came between.
  useLayoutEffect(forget, [JSON.stringify(said)]);
  const attempt = async (action: () => Promise<void>) => {
    setBusy(true);
    setProblem(undefined);
    try {
      await action();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return { attempt, busy, problem, forget };
}

/** Does a change, and shows why it was refused. `done` runs when it was not. */
export function useChange(said?: unknown) {
  const { attempt, busy, problem } = useAttempt(said);
  const run = (method: 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown, done?: () => void) => attempt(async () => {
    await change(method, path, body);
    done?.();
  });
  return { run, busy, problem };
}

/** A button that asks before it does: what will happen, in words. */
export function Confirm({ label, title, children, action, danger, disabled }: {
  label: string; title: string; children: ComponentChildren; action: () => void; danger?: boolean; disabled?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const kind = danger ? 'danger' : undefined;
  return (
    <>
      <button type="button" class={kind} disabled={disabled} onClick={() => dialog.current?.showModal()}>{label}</button>
      <dialog ref={dialog} aria-label={title}>
        <h2>{title}</h2>
        <div class="words">{children}</div>
        <div class="buttons">
          <button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
          <button type="button" class={danger ? 'danger' : 'primary'} onClick={() => { dialog.current?.close(); action(); }}>{label}</button>
        </div>
      </dialog>
    </>
  );
}

/** The width an element has, for drawings in its own pixels. */
export function useWidth<T extends HTMLElement>() {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setWidth(Math.floor(element.clientWidth)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { ref, width };
}

export function Search({ label, value, change: changed }: { label: string; value: string; change: (text: string) => void }) {
  const input = (event: JSX.TargetedEvent<HTMLInputElement>) => changed(event.currentTarget.value);
  return <input type="search" aria-label={label} placeholder={label} value={value} onInput={input} />;
}

export function Choice({ label, value, options, change: changed }: {
  label: string; value: string; options: [string, string][]; change: (value: string) => void;
}) {
  return (
    <select aria-label={label} value={value} onChange={(event) => changed(event.currentTarget.value)}>
      {options.map(([key, words]) => <option key={key} value={key}>{words}</option>)}
    </select>
  );
}
