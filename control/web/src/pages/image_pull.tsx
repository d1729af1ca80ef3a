// SPDX-License-Identifier: Apache-2.0
//
// Image sets from other registries: the appliance pulls them, whoever looks, and this says how far it is.
import { useEffect, useRef, useState } from 'preact/hooks';
import { change, Problem, type Pull } from '../api';
import { Ending, Line, Opens } from '../dialog';
import { bytes } from '../format';
import { refresh, useLive } from '../live';
import { Bar, Panel, ProblemBox, useAttempt, useChange } from '../parts';
import { Replaced, useKnown } from './image_import';

// As it is stored where nothing else is said: "registry.example.net/boot/debian:12" as "boot/debian:12".
const ownName = (source: string) => (source.includes('/') ? source.slice(source.indexOf('/') + 1) : '');

function Form({ close }: { close: () => void }) {
  const known = useKnown();
  const [source, setSource] = useState('');
  const [as, setAs] = useState('');
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  const [ca, setCa] = useState('');
  const { attempt, busy, problem } = useAttempt([source, as, user, password, ca]);
  const submit = (event: Event) => {
    event.preventDefault();
    const reference = as.trim();
    const who = user.trim();
    const body = { source: source.trim(), ...(reference && { reference }), ...(ca.trim() && { ca }), ...(who && { user: who, password }) };
    void attempt(async () => {
      if (password && !who) throw new Problem(0, 'No user', 'There is a password and nobody whose it is: name the user, or take the password out.');
      await change<Pull>('POST', '/api/v1/images/pull', body);
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <Line id="pull-source" label="Source" hint="registry.example.net/boot/debian:12" required value={source} set={setSource} />
      <Line id="pull-as" label="Image set" hint="debian:12; empty: as it is called there" value={as} set={setAs} />
      <Replaced reference={as.trim() || ownName(source.trim())} known={known} />
      <Line id="pull-user" label="User" hint="empty: the registry asks for none" value={user} set={setUser} />
      <span class="row"><label for="pull-password">Password</label><input id="pull-password" type="password" autocomplete="new-password" value={password} onInput={(event) => setPassword(event.currentTarget.value)} /></span>
      <span class="row tall"><label for="pull-ca">The registry's CA certificate</label><textarea id="pull-ca" class="mono" rows={4} spellcheck={false} placeholder="-----BEGIN CERTIFICATE-----; empty: the system's authorities alone" value={ca} onInput={(event) => setCa(event.currentTarget.value)} /></span>
      <p class="note words">Machines boot from names without a slash. The password is sent to the registry alone, and kept until the pull is over.</p>
      <Ending label="Pull" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

export function PullImage() {
  return <Opens label="Pull from a registry" title="An image set from a registry" wide>{(close) => <Form close={close} />}</Opens>;
}

function OnePull({ pull, changes }: { pull: Pull; changes: boolean }) {
  const { run, busy, problem } = useChange();
  const { id, source, reference, state, error } = pull;
  const row = useRef<HTMLLIElement>(null);
  const stopped = () => {
    row.current?.focus(); // its button goes
    refresh('/api/v1/pulls');
  };
  return (
    <li ref={row} tabIndex={-1}>
      <span class="words"><b>{source}</b> to {state === 'done' ? <a href={`#/images/${reference}`}>{reference}</a> : reference}: {error || pull.doing || state}</span>
      <Bar label={`Pull of ${source} to ${reference}`} value={pull.bytes} of={pull.bytes_total} tone={error ? 'bad' : undefined} />
      <span class="note">{bytes(pull.bytes)} of {bytes(pull.bytes_total)}{pull.bytes_resumed > 0 && `, ${bytes(pull.bytes_resumed)} of them from a pull before`}</span>
      {problem && <ProblemBox problem={problem} />}
      {changes && state === 'running' && (
        <div class="buttons"><button type="button" aria-label={`Stop the pull of ${source} to ${reference}`} disabled={busy} onClick={() => run('DELETE', `/api/v1/pulls/${id}`, undefined, stopped)}>Stop</button></div>
      )}
    </li>
  );
}

// How pulls ended while somebody was here, for whoever does not see the rows change.
function useNews(pulls: Pull[] | undefined): { text: string; key: number } {
  const [news, setNews] = useState({ text: '', key: 0 });
  const known = useRef<Map<number, string> | undefined>();
  useEffect(() => {
    if (!pulls) return;
    const before = known.current;
    known.current = new Map(pulls.map(({ id, state }) => [id, state]));
    const ended = before ? pulls.filter(({ id, state }) => state !== 'running' && before.get(id) !== state) : [];
    if (ended.length === 0) return;
    const text = ended.map(({ source, reference, state, error }) => `Pull of ${source} to ${reference}: ${error || state}.`).join(' ');
    setNews(({ key }) => ({ text, key: key + 1 })); // told again where the same ends again
  }, [pulls]);
  return news;
}

/** The newest first; no panel is drawn where there is none. */
export function Pulls({ changes }: { changes: boolean }) {
  const pulls = useLive<Pull[]>('/api/v1/pulls', 1000).value;
  const news = useNews(pulls);
  return (
    <>
      <p class="unseen" role="status"><span key={news.key}>{news.text}</span></p>
      {pulls && pulls.length > 0 && (
        <Panel title="Pulls from other registries" note="One that was cut goes on where it ended when it is pulled again." wide>
          <ul class="meters">{[...pulls].reverse().map((each) => <OnePull key={each.id} pull={each} changes={changes} />)}</ul>
        </Panel>
      )}
    </>
  );
}
