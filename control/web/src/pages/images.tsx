// SPDX-License-Identifier: Apache-2.0
//
// Image sets, what Secure Boot would say to them, and versions on their way.
import { useState } from 'preact/hooks';
import type { ImageSet, Rollout, VersionBoots, Who } from '../api';
import { bytes, count, moment, shortDigest } from '../format';
import { refresh, useLive } from '../live';
import { Badge, Bar, Cell, Choice, Confirm, Head, Loaded, mayShared, Panel, ProblemBox, Table, Time, useChange } from '../parts';
import { go } from '../route';
import { VerdictBadge, VerdictFiles } from '../verdict';
import { imagePath, ImportImage } from './image_import';
import { PullImage, Pulls } from './image_pull';

function Version({ name, reference, boots }: { name: string; reference: string; boots: VersionBoots | null }) {
  const all = boots ? boots.complete + boots.failed : 0;
  return (
    <div class="version">
      <span class="note">{name}</span>
      <b><a href={`#/images/${reference}`}>{reference}</a></b>
      {boots ? (
        <>
          <code>{shortDigest(boots.digest)}</code>
          <Bar label={`Boots of ${reference} that completed`} value={boots.complete} of={all} tone={boots.failed > 0 ? 'warn' : 'good'} />
          <span class="words">{all === 0 ? 'no boot ended yet' : `${count(boots.complete)} of ${count(all)} boots completed`}</span>
          {boots.last_failure && <span class="words bad">Last failure: {boots.last_failure}</span>}
        </>
      ) : <span class="words bad">there is no such image set any more</span>}
    </div>
  );
}

function RolloutCard({ rollout, changes }: { rollout: Rollout; changes: boolean }) {
  const { run, busy, problem } = useChange();
  const path = `/api/v1/rollouts/${encodeURIComponent(rollout.stable)}`;
  const done = () => refresh('/api/v1/');
  const whom = [rollout.selector && `machines with ${rollout.selector}`, rollout.percent < 100 && `${rollout.percent} % of them`].filter(Boolean).join(', ');
  const moved = rollout.candidate_boots !== null && rollout.candidate_boots.digest !== rollout.candidate_digest;
  const overtaken = rollout.stable_boots !== null && rollout.stable_digest !== '' && rollout.stable_boots.digest !== rollout.stable_digest;
  const { candidate, selector, percent, failures_max } = rollout;
  return (
    <li class="rollout">
      {problem && <ProblemBox problem={problem} />}
      <div class="versions">
        <Version name="Stable" reference={rollout.stable} boots={rollout.stable_boots} />
        <Version name="Candidate" reference={rollout.candidate} boots={rollout.candidate_boots} />
      </div>
      <p class="note">The candidate goes to {whom || 'all machines of the catalog'}: {count(rollout.machines)} at present.{rollout.failures_max > 0 && ` Rolled back by itself after ${rollout.failures_max} failed boots.`}</p>
      {moved && <p class="words bad">{candidate} has moved since this rollout was begun with {rollout.candidate_digest ? <code>{shortDigest(rollout.candidate_digest)}</code> : 'a version that was not noted'}. Try what it leads to now, then promote it.</p>}
      {overtaken && <p class="words bad">{rollout.stable} was moved by somebody since this rollout was begun against <code>{shortDigest(rollout.stable_digest)}</code>: roll back to keep what it leads to now, or try the candidate against that.</p>}
      {changes && (
        <div class="buttons">
          {(moved || overtaken) && (
            <Confirm label="Try this version" title={`Try what ${candidate} leads to now?`} disabled={busy} action={() => run('PUT', path, { candidate, selector, percent, failures_max, stable_digest: rollout.stable_boots?.digest }, done)}>
              The rollout goes on with this version.{moved && ' Boots of the one before that failed are no longer counted against it.'}
            </Confirm>
          )}
          <Confirm label="Promote" title={`Promote ${candidate}?`} disabled={busy || moved} action={() => run('POST', `${path}/promote`, undefined, done)}>
            {rollout.stable} leads to this version from now on, for every machine. Boots under way end with what they began.
          </Confirm>
          <Confirm label="Roll back" title={`Roll back to ${rollout.stable}?`} danger disabled={busy} action={() => run('DELETE', path, undefined, done)}>
            No machine gets {rollout.candidate} by this rollout any more. Boots under way end with what they began.
          </Confirm>
        </div>
      )}
    </li>
  );
}

function StartRollout({ images }: { images: ImageSet[] }) {
  const [stable, setStable] = useState('');
  const [candidate, setCandidate] = useState('');
  const [selector, setSelector] = useState('');
  const [percent, setPercent] = useState('10');
  const [failures, setFailures] = useState('3');
  const { run, busy, problem } = useChange([stable, candidate, selector, percent, failures]);
  const options: [string, string][] = [['', 'choose one'], ...images.map((each): [string, string] => [each.reference, each.reference])];
  const start = (event: Event) => {
    event.preventDefault();
    const body = { candidate, selector, percent: Number(percent), failures_max: Number(failures) };
    void run('PUT', `/api/v1/rollouts/${encodeURIComponent(stable)}`, body, () => { refresh('/api/v1/'); setCandidate(''); });
  };
  return (
    <details class="more">
      <summary>Begin a rollout</summary>
      {problem && <ProblemBox problem={problem} />}
      <form class="form" onSubmit={start}>
        <span class="row"><span>Stable</span><Choice label="Stable image set" value={stable} options={options} change={setStable} /></span>
        <span class="row"><span>Candidate</span><Choice label="Candidate image set" value={candidate} options={options} change={setCandidate} /></span>
        <span class="row"><label for="selector">Machines</label><input id="selector" value={selector} placeholder="rack=a1; empty: all" onInput={(event) => setSelector(event.currentTarget.value)} /></span>
        <span class="row"><label for="percent">Percent of them</label><input id="percent" type="number" min="1" max="100" value={percent} onInput={(event) => setPercent(event.currentTarget.value)} /></span>
        <span class="row"><label for="failures">Roll back after failed boots</label><input id="failures" type="number" min="0" value={failures} onInput={(event) => setFailures(event.currentTarget.value)} /></span>
        <div class="buttons"><button class="primary" type="submit" disabled={busy || !stable || !candidate || stable === candidate}>Begin</button></div>
      </form>
    </details>
  );
}

export function Images({ who }: { who: Who }) {
  const images = useLive<ImageSet[]>('/api/v1/images?limit=1000', 4000);
  const rollouts = useLive<Rollout[]>('/api/v1/rollouts', 3000);
  const changes = mayShared(who, 'operator');
  return (
    <>
      <Head title="Image sets">{changes && <div class="buttons"><ImportImage /><PullImage /></div>}</Head>
      <div class="stack">
        <section class="panel flush" aria-label="Image sets">
          <Loaded live={images} empty={<span class="inset">None yet. Operators import a file or pull from a registry: here, or by <code>slipway image import FILE debian:stable</code></span>}>
            {(list) => (
              <Table caption="Image sets" columns={['Image set', 'Version', 'Secure Boot', 'Boots', 'Size', 'Made']}>
                {list.map((each) => (
                  <tr key={each.reference}>
                    <Cell label="Image set" class="main"><a href={`#/images/${each.reference}`}>{each.reference}</a></Cell>
                    <Cell label="Version"><code>{shortDigest(each.digest)}</code></Cell>
                    <Cell label="Secure Boot"><VerdictBadge verdict={each.secure_boot} /></Cell>
                    <Cell label="Boots">{Object.keys(each.boot).join(', ') || <span class="note">nothing</span>}{!each.loaded && <small>not in memory</small>}</Cell>
                    <Cell label="Size">{bytes(each.bytes)}</Cell>
                    <Cell label="Made"><Time unix={each.created} /></Cell>
                  </tr>
                ))}
              </Table>
            )}
          </Loaded>
        </section>
        <Panel title="Rollouts" note="From one version to the next, for a part of the machines first.">
          <Loaded live={rollouts} empty="None is under way.">
            {(list) => <ul class="stack">{list.map((each) => <RolloutCard key={each.stable} rollout={each} changes={changes} />)}</ul>}
          </Loaded>
          {changes && <StartRollout images={images.value ?? []} />}
        </Panel>
        <Pulls changes={changes} />
      </div>
    </>
  );
}

export function ImagePage({ reference, who }: { reference: string; who: Who }) {
  const path = imagePath(reference);
  const live = useLive<ImageSet>(path, 5000);
  const { run, busy, problem } = useChange();
  const set = live.value;
  return (
    <>
      <Head title={reference}>
        {set && mayShared(who, 'operator') && (
          <Confirm label="Remove" title={`Remove ${reference}?`} danger disabled={busy} action={() => run('DELETE', path, undefined, () => { refresh('/api/v1/images'); go('images'); })}>
            The name goes; what no other name leads to is deleted. A set that a machine, a rule or a rollout uses is not removed.
          </Confirm>
        )}
      </Head>
      {(problem ?? live.problem) && <ProblemBox problem={(problem ?? live.problem)!} />}
      {!set && !live.problem && <p class="empty" aria-busy="true">Asking…</p>}
      {set && (
        <div class="stack">
          <Panel title="Secure Boot" note={set.secure_boot && !set.secure_boot.is_current ? 'Judged by what firmware trusted before: slipway secure-boot recheck' : undefined}>
            <div class="facts"><VerdictBadge verdict={set.secure_boot} /><span class="words">{set.secure_boot?.words ?? 'It was never judged.'}</span></div>
            {set.secure_boot?.refused_since && <p class="words bad">Refused since {moment(set.secure_boot.refused_since)}, when what firmware trusts was changed{set.secure_boot.is_assigned ? '; it stays served to the machines that are assigned to it' : ''}.</p>}
            {set.secure_boot && <VerdictFiles verdict={set.secure_boot} />}
          </Panel>
          <Panel title="Version">
            <dl class="pairs">
              <div><dt>Digest</dt><dd class="mono">{set.digest}</dd></div>
              <div><dt>Made</dt><dd><Time unix={set.created} /></dd></div>
              <div><dt>Size</dt><dd>{bytes(set.bytes)} in {set.files.length} files</dd></div>
              <div><dt>Memory</dt><dd>{set.loaded ? <Badge tone="good">Loaded</Badge> : <><Badge tone="idle">Not loaded</Badge> the first machine that asks has it loaded</>}</dd></div>
            </dl>
          </Panel>
          <section class="panel flush" aria-label="Files">
            <h2 class="inset">Files</h2>
            <Table caption="Files" columns={['Path', 'Boots', 'Size', 'Digest']}>
              {set.files.map((file) => (
                <tr key={file.path}>
                  <Cell label="Path" class="main"><span class="mono">{file.path}</span></Cell>
                  <Cell label="Boots">{Object.entries(set.boot).filter(([, boots]) => boots === file.path).map(([arch]) => arch).join(', ')}</Cell>
                  <Cell label="Size">{bytes(file.bytes)}</Cell>
                  <Cell label="Digest"><code>{shortDigest(file.digest)}</code></Cell>
                </tr>
              ))}
            </Table>
          </section>
        </div>
      )}
    </>
  );
}
