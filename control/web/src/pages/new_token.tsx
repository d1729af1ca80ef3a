// SPDX-License-Identifier: Apache-2.0
//
// Making a token: what it is for, then its text, which no later answer of the server has.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { put, type NewToken, type Role } from '../api';
import { Ending, Opens } from '../dialog';
import { refresh } from '../live';
import { Choice, useAttempt } from '../parts';

const ROLES: [Role, string][] = [
  ['viewer', 'viewer: reads'], ['operator', 'operator: image sets, machines, rules'], ['admin', 'admin: everything'],
];
const DAY = 86_400;
const ENDS: [string, string][] = [
  ['', 'never'], [String(DAY), 'after a day'], [String(30 * DAY), 'after 30 days'], [String(90 * DAY), 'after 90 days'], [String(365 * DAY), 'after a year'],
];

// To a PUT alone the server gives the token of that name another text, and whoever has it is refused.
const make = (name: string, body: Record<string, unknown>) =>
  put<NewToken>(`/api/v1/tokens/${encodeURIComponent(name)}`, body, null, `Choose another name, or revoke ${name} first.`);

function Form({ close, made }: { close: () => void; made: (token: NewToken) => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<string>('viewer');
  const [scope, setScope] = useState('');
  const [ends, setEnds] = useState('');
  const { attempt, busy, problem } = useAttempt([name, role, scope, ends]);
  const submit = (event: Event) => {
    event.preventDefault();
    const body: Record<string, unknown> = { role };
    if (scope && role !== 'admin') body['scope'] = scope;
    if (ends) body['expires_in_seconds'] = Number(ends);
    void attempt(async () => {
      made(await make(name.trim(), body));
      refresh('/api/v1/tokens');
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <span class="row"><label for="token-name">Name</label><input id="token-name" required autocomplete="off" spellcheck={false} value={name} onInput={(event) => setName(event.currentTarget.value)} /></span>
      <span class="row"><span>Role</span><Choice label="Role" value={role} options={ROLES} change={setRole} /></span>
      {role !== 'admin' && (
        <span class="row"><label for="token-scope">Machines</label><input id="token-scope" autocomplete="off" spellcheck={false} placeholder="rack=a1; empty: all" value={scope} onInput={(event) => setScope(event.currentTarget.value)} /></span>
      )}
      <span class="row"><span>Ends</span><Choice label="Ends" value={ends} options={ENDS} change={setEnds} /></span>
      <Ending label="Make it" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

function Secret({ token, close }: { token: NewToken; close: () => void }) {
  const field = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState('');
  useLayoutEffect(() => field.current?.select(), []);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(token.token);
      setWords('Copied.');
    } catch {
      field.current?.select();
      setWords('The browser does not let this page copy it. It is selected: copy it by hand.');
    }
  };
  return (
    <>
      <p class="words"><strong>This is shown once only.</strong> Keep it as you keep passwords: Slipway has only its hash, and nobody can look it up later.</p>
      <div class="secret">
        <input ref={field} class="mono" aria-label={`Text of the token ${token.name}`} readOnly spellcheck={false} value={token.token} />
        <button type="button" onClick={copy}>Copy</button>
      </div>
      <p class="note" role="status">{words}</p>
      <div class="buttons"><button type="button" class="primary" onClick={close}>Done</button></div>
    </>
  );
}

function Steps({ close }: { close: () => void }) {
  const [token, setToken] = useState<NewToken | undefined>();
  return token ? <Secret token={token} close={close} /> : <Form close={close} made={setToken} />;
}

export function MakeToken() {
  return <Opens label="Make a token" title="A new token" kind="primary">{(close) => <Steps close={close} />}</Opens>;
}
