// SPDX-License-Identifier: Apache-2.0
//
// Templates (docs/templates.md): which machines have a document by each, and which lack one.
import type { Template, TemplateState, Who } from '../api';
import { bytes, count } from '../format';
import { useLive, useLiveList } from '../live';
import { Badge, Cell, Head, Listed, mayShared, Panel, ProblemBox, Selected } from '../parts';
import { go } from '../route';
import { AddTemplate, EditTemplate, RemoveTemplate } from './template_form';
import { Preview, templatePath, Text } from './template_preview';

function Documents({ template }: { template: TemplateState }) {
  return (
    <>
      {count(template.documents)} {template.documents === 1 ? 'machine' : 'machines'}
      {template.failures > 0 && <> <Badge tone="bad">{count(template.failures)} without</Badge></>}
    </>
  );
}

export function Templates({ who }: { who: Who }) {
  const changes = mayShared(who, 'operator');
  const live = useLiveList<TemplateState>('/api/v1/templates?limit=50', 4000);
  const columns = ['Template', 'Kind', 'Machines', 'Documents', ...(changes ? ['Change'] : [])];
  return (
    <>
      <Head title="Templates">{changes && <AddTemplate />}</Head>
      <p class="note lead">Documents that each machine of the catalog has of its own, at <code>/machine/MAC/NAME</code> of the boot server: what an installer or a first boot asks for.</p>
      <Listed name="Templates" caption="Templates, by name" columns={columns} list={live} empty="There is none: no machine has a document of its own.">
        {(each) => (
          <tr key={each.name}>
            <Cell label="Template" class="main"><a href={`#/templates/${each.name}`}>{each.name}</a></Cell>
            <Cell label="Kind"><code>{each.media_type}</code></Cell>
            <Cell label="Machines"><Selected selector={each.selector} /></Cell>
            <Cell label="Documents"><span><Documents template={each} /></span></Cell>
            {changes && <Cell label="Change"><div class="buttons"><EditTemplate name={each.name} /><RemoveTemplate name={each.name} /></div></Cell>}
          </tr>
        )}
      </Listed>
    </>
  );
}

function Failing({ template }: { template: Template }) {
  if (template.failures === 0) return null;
  const more = template.failures - template.failing.length;
  return (
    <Panel title="Machines without their document" note={`${count(template.failures)} of those it means`}>
      <ul class="evidence">
        {template.failing.map((each) => <li key={each.machine}><a href={`#/machines/${each.machine}`}>{each.machine}</a> <span class="words">{each.words}</span></li>)}
      </ul>
      {more > 0 && <p class="note">And {count(more)} more.</p>}
    </Panel>
  );
}

export function TemplatePage({ name, who }: { name: string; who: Who }) {
  const live = useLive<Template>(templatePath(name), 4000);
  const template = live.value;
  return (
    <>
      <Head title={name}>{template && mayShared(who, 'operator') && <div class="buttons"><EditTemplate name={name} /><RemoveTemplate name={name} gone={() => go('templates')} /></div>}</Head>
      {live.problem && <ProblemBox problem={live.problem} />}
      {!template && !live.problem && <p class="empty" aria-busy="true">Asking…</p>}
      {template && (
        <div class="stack">
          <Panel title="What it is">
            <dl class="pairs">
              <div><dt>Kind</dt><dd><code>{template.media_type}</code></dd></div>
              <div><dt>Machines</dt><dd><Selected selector={template.selector} /></dd></div>
              <div><dt>Documents</dt><dd><Documents template={template} /></dd></div>
              <div><dt>Size</dt><dd>{bytes(template.bytes)}</dd></div>
            </dl>
          </Panel>
          <Failing template={template} />
          <Panel title="Text" note="With holes where each machine's variables go."><Text label="Text of the template" text={template.text} /></Panel>
          <Panel title="A machine's document" note="As it is served now."><Preview name={name} selector={template.selector} /></Panel>
        </div>
      )}
    </>
  );
}
