// SPDX-License-Identifier: Apache-2.0
import type { Story } from '../api';
import { Fingerprints } from '../firmware';
import { bytes, seconds } from '../format';
import { useLive } from '../live';
import { BootProgress, Head, OutcomeBadge, Panel, ProblemBox, Time } from '../parts';
import { Steps, Timeline } from '../timeline';

/** One boot: its outcome, the drawing, the steps. */
export function BootStory({ id, title, folded }: { id: string; title: string; folded?: boolean }) {
  const live = useLive<Story>(`/api/v1/boots/${id}`, 1000);
  const story = live.value;
  if (!story) return live.problem ? <ProblemBox problem={live.problem} /> : <p class="empty" aria-busy="true">Asking…</p>;
  return (
    <>
      <Panel title={title} note={<><Time unix={story.began} />, {story.outcome === 'under way' ? 'for' : 'took'} {seconds(story.seconds)}</>}>
        <div class="facts">
          <OutcomeBadge boot={story} />
          <span class="grow"><BootProgress boot={story} /></span>
        </div>
        <Timeline story={story} />
        <dl class="pairs">
          <div><dt>Address</dt><dd>{story.address}</dd></div>
          <div><dt>TLS</dt><dd>{story.tls || 'none yet'}</dd></div>
          <div><dt>Whole files</dt><dd>{bytes(story.bytes)}</dd></div>
        </dl>
        {story.firmware && <><h3>Firmware, by what it sent</h3><Fingerprints firmware={story.firmware} /></>}
        {folded && <details class="more"><summary>All {story.steps.length} steps</summary><Steps story={story} /></details>}
      </Panel>
      {!folded && <Panel title="Steps"><Steps story={story} /></Panel>}
    </>
  );
}

export function BootPage({ id }: { id: string }) {
  const live = useLive<Story>(`/api/v1/boots/${id}`, 1000);
  const mac = live.value?.mac;
  return (
    <>
      <Head title={mac ? `A boot of ${mac}` : 'A boot'}>
        {mac && <a href={`#/machines/${mac}`}>The machine, and why it did or did not boot</a>}
      </Head>
      <div class="stack"><BootStory id={id} title="Timeline" /></div>
    </>
  );
}
