// SPDX-License-Identifier: Apache-2.0
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Problem, signIn, type Who } from '../api';

function wordsOf(problem: Problem): string {
  if (problem.status === 401) return problem.message.includes('expired') ? 'This token has expired. Ask an admin for another.' : 'This token is not valid. Was it copied whole? It has 64 characters.';
  return `${problem.title}: ${problem.message}`;
}

export function SignIn({ over, done, children }: { over: boolean; done: (who: Who) => void; children: ComponentChildren }) {
  const field = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Slipway';
    field.current?.focus();
  }, []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const token = field.current?.value.trim() ?? '';
    if (!token) return setWords('Put a token in first.');
    setBusy(true);
    setWords('');
    try {
      done(await signIn(token));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setWords(wordsOf(error));
      setBusy(false);
      field.current?.select();
    }
  };
  return (
    <main class="alone">
      <form class="panel signin" onSubmit={submit}>
        <div class="brand"><img src="/web/icon.svg" alt="" width="40" height="40" /><h1>Slipway</h1></div>
        {over && <div class="notice" role="status">Your session is over. Sign in again, and you are where you were.</div>}
        {children}
        <label for="token">Token</label>
        <input ref={field} id="token" type="password" autocomplete="current-password" spellcheck={false} aria-describedby="whence" aria-invalid={words ? 'true' : undefined} />
        <div role="alert" class="wrong">{words}</div>
        <button class="primary" type="submit" disabled={busy}>{busy ? 'Signing in…' : 'Sign in'}</button>
        <p id="whence" class="note">The first admin's token lies in the file <code>token</code> of the appliance's state directory. An admin makes others: <code>slipway token create NAME --role viewer</code></p>
      </form>
    </main>
  );
}
