// SPDX-License-Identifier: Apache-2.0
//
// A machine's own labels, by which selectors find it, and its own variables, for templates; changed
// over what they were when the dialog opened. Who changes those of a machine that nobody has entered
// enters it.
import { useState } from 'preact/hooks';
import { getIfThere, put, type Machine } from '../api';
import { Ending, Opens, Read } from '../dialog';
import { refresh } from '../live';
import { Panel, useAttempt } from '../parts';
import { LABEL_FIELDS, Rows, rowsOf, textsOf, VARIABLE_FIELDS } from '../rows';

type Texts = Pick<Machine, 'labels' | 'variables'>;
const NONE: Texts = { labels: {}, variables: {} };

/** `tag`: of the machine as it was read; null: nobody has entered it. */
function Form({ path, machine, tag, close }: { path: string; machine: Texts; tag: string | null; close: () => void }) {
  const [labels, setLabels] = useState(() => rowsOf(machine.labels));
  const [variables, setVariables] = useState(() => rowsOf(machine.variables));
  const { attempt, busy, problem } = useAttempt([labels, variables]);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      await put(path, { labels: textsOf(labels), variables: textsOf(variables) }, tag, 'Somebody has entered the machine meanwhile: close this, and open it again.');
      refresh('/api/v1/');
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <Rows title="Labels" what="label" fields={LABEL_FIELDS} rows={labels} set={setLabels} />
      <Rows title="Variables for templates" what="variable" fields={VARIABLE_FIELDS} rows={variables} set={setVariables} />
      <Ending label="Save" close={close} problem={problem} disabled={busy} />
    </form>
  );
}

function Edit({ path, name }: { path: string; name: string }) {
  return (
    <Opens label="Edit" named="Edit labels and variables" title={`Labels and variables of ${name}`}>
      {(close) => (
        <Read read={() => getIfThere<Machine>(path)} close={close}>
          {(answer) => <Form path={path} machine={answer?.value ?? NONE} tag={answer && (answer.tag ?? '')} close={close} />}
        </Read>
      )}
    </Opens>
  );
}

function Pairs({ texts }: { texts: Record<string, string> }) {
  const all = Object.entries(texts);
  if (all.length === 0) return <p class="note">None.</p>;
  return <p class="labels">{all.map(([key, value]) => <code key={key}>{key}={value}</code>)}</p>;
}

export function MachineTexts({ mac, machine, changes }: { mac: string; machine: Machine | undefined; changes: boolean }) {
  const { labels, variables } = machine ?? NONE;
  return (
    <Panel title="Labels and variables" note="Its own. Rules may give it more variables.">
      <h3>Labels</h3>
      <Pairs texts={labels} />
      <h3>Variables for templates</h3>
      <Pairs texts={variables} />
      {changes && <div class="buttons under"><Edit path={`/api/v1/machines/${mac}`} name={machine?.name || mac} /></div>}
    </Panel>
  );
}
