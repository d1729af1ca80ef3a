// SPDX-License-Identifier: Apache-2.0
//
// One machine: why it did not boot, what it would get, its boots, and what may be done with it.
import type { Boot, Diagnosis, Explanation, Machine, Problem, Who } from '../api';
import { RememberedFirmware } from '../firmware';
import { seconds } from '../format';
import { useLive } from '../live';
import { Badge, Cell, Head, Loaded, may, OutcomeBadge, Panel, ProblemBox, Table, Time, type Tone } from '../parts';
import { BootStory } from './boot';
import { MachineSettings } from './machine_settings';
import { MachineTexts } from './machine_texts';

const VERDICTS: Record<string, { tone: Tone; word: string }> = {
  fine: { tone: 'good', word: 'Nothing is wrong' }, pending: { tone: 'busy', word: 'Not decided yet' }, failed: { tone: 'bad', word: 'Did not boot' },
};

function Why({ mac }: { mac: string }) {
  const live = useLive<Diagnosis>(`/api/v1/machines/${mac}/why`, 3000);
  const why = live.value;
  if (!why) return live.problem ? <ProblemBox problem={live.problem} /> : null;
  const verdict = VERDICTS[why.verdict] ?? { tone: 'idle' as Tone, word: why.verdict };
  return (
    <Panel title="Why" wide>
      <div class="facts"><Badge tone={verdict.tone}>{verdict.word}</Badge><span class="words strong">It {why.sentence}.</span>{why.verdict === 'failed' && why.certainty !== 'certain' && <span class="note">This is {why.certainty}.</span>}</div>
      {why.tries_again && <p class="note">A newer boot of it is under way; this is about the one before.</p>}
      {why.verdict === 'failed' && why.remedy.length > 0 && (
        <><h3>What to do</h3><ol class="remedy">{why.remedy.map((line) => <li key={line}>{line}</li>)}</ol></>
      )}
      {why.verdict !== 'fine' && why.evidence.length > 0 && (
        <><h3>What says so</h3><ul class="evidence">{why.evidence.map((each, index) => <li key={index}>{each.at !== null && <Time unix={each.at} />} <span class="words">{each.words}</span></li>)}</ul></>
      )}
    </Panel>
  );
}

// Of what it would be sent to, what it is known not to have; the appliance's words say what helps.
function UnmetNeeds({ told }: { told: Explanation[] }) {
  const unmet = new Set(told.flatMap((each) => each.unmet_needs.map((need) => `${each.image_set || 'The image set'} ${need}`)));
  if (unmet.size === 0) return null;
  return (
    <div class="notice warn" role="status">
      <strong>It lacks what its image set needs</strong>, and is sent there all the same.
      <ul class="needs">{[...unmet].map((words) => <li key={words}>{words}</li>)}</ul>
    </div>
  );
}

function Explain({ mac, machine }: { mac: string; machine: Machine | undefined }) {
  const live = useLive<Explanation>(`/api/v1/explain?mac=${mac}`, 5000);
  const told = live.value;
  // Where its iPXE was seen too: what that can load is less.
  const chains = machine?.firmware.some((each) => each.client === 'ipxe');
  const chained = useLive<Explanation>(chains ? `/api/v1/explain?mac=${mac}&client=ipxe` : null, 5000).value;
  return (
    <Panel title="What it would get now">
      {live.problem && <ProblemBox problem={live.problem} />}
      {told && (
        <>
          <p class="words">It {told.words}.</p>
          <UnmetNeeds told={chained ? [told, chained] : [told]} />
          <ul class="rules">{told.steps.map((step, index) => <li key={index} class={step.decides ? 'decides' : undefined}><b>{step.rule}</b> <span class="words">{step.words}</span></li>)}</ul>
        </>
      )}
    </Panel>
  );
}

function Boots({ mac }: { mac: string }) {
  const live = useLive<Boot[]>(`/api/v1/boots?mac=${mac}&limit=50`, 2000);
  return (
    <section class="panel flush" aria-label="Its boots">
      <h2 class="inset">Its boots</h2>
      <Loaded live={live} empty="None was seen. Is it on, and in a network that Slipway serves?">
        {(list) => (
          <Table caption="Boots, the newest first" columns={['Began', 'Outcome', 'In words', 'Took']}>
            {list.map((boot) => (
              <tr key={boot.id}>
                <Cell label="Began" class="main"><a href={`#/boots/${boot.id}`}><Time unix={boot.began} /></a></Cell>
                <Cell label="Outcome"><OutcomeBadge boot={boot} /></Cell>
                <Cell label="In words" class="grow">{boot.words}</Cell>
                <Cell label="Took">{seconds(boot.seconds)}</Cell>
              </tr>
            ))}
          </Table>
        )}
      </Loaded>
    </section>
  );
}

/** What the catalog says of it. What was last known of a machine that is gone is not of it any more. */
function useMachine(mac: string): { machine?: Machine; problem?: Problem; words: string } {
  const { value, problem } = useLive<Machine>(`/api/v1/machines/${mac}`, 3000);
  if (problem?.status === 404) return { words: `the catalog does not know it${value ? ' any more' : ''}; rules decide` };
  if (!value) return { problem, words: '' };
  const { name, approved, boots_completed, boots_failed } = value;
  return { machine: value, problem, words: `${name ? `${mac} · ` : ''}${approved ? 'approved' : 'not approved'} · booted ${boots_completed} times, failed ${boots_failed} times` };
}

export function MachinePage({ mac, who }: { mac: string; who: Who }) {
  const { machine, problem, words } = useMachine(mac);
  const changes = may(who.role, 'operator');
  const newest = useLive<Boot[]>(`/api/v1/boots?mac=${mac}&limit=50`, 2000).value?.[0];
  return (
    <>
      <Head title={machine?.name || mac}>
        <span class="note">{words}</span>
      </Head>
      {problem && <ProblemBox problem={problem} />}
      <div class="stack">
        <Why mac={mac} />
        {newest && <BootStory id={String(newest.id)} title={newest.outcome === 'under way' ? 'The boot under way' : 'Its last boot'} folded />}
        <div class="grid">
          <Explain mac={mac} machine={machine} />
          {words && <MachineSettings mac={mac} machine={machine} changes={changes} />}
          {words && <MachineTexts mac={mac} machine={machine} changes={changes} />}
          {!words && !problem && <Panel title="Settings"><p class="empty" aria-busy="true">Asking…</p></Panel>}
        </div>
        <RememberedFirmware seen={machine?.firmware ?? []} />
        <Boots mac={mac} />
      </div>
    </>
  );
}
