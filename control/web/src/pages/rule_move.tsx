// SPDX-License-Identifier: Apache-2.0
//
// Moving a rule: before which other it shall stand, and which numbers that takes.
import { useState } from 'preact/hooks';
import { change, get, getAll, onlyOver, Problem, type Rule } from '../api';
import { Ending, Opens, Read } from '../dialog';
import { refresh } from '../live';
import { Choice, Empty, useAttempt } from '../parts';
import { moves, type Numbered } from '../rule_order';
import { rulePath } from './rule_form';

// A PUT is of the whole rule: all but its number stays as it is now, and is nobody else's by then.
async function number({ name, order }: Numbered, before: number) {
  const { value: rule, tag } = await get<Rule>(rulePath(name));
  if (rule.order !== before) throw new Problem(412, 'Somebody else moved a rule', `${name} has another number by now. Open this dialog again.`);
  await change('PUT', rulePath(name), { ...rule, order }, onlyOver(tag ?? ''));
}

function Places({ rules, name, close }: { rules: Rule[]; name: string; close: () => void }) {
  const now = rules.findIndex((each) => each.name === name);
  const others = rules.filter((each) => each.name !== name);
  const [place, setPlace] = useState(String(now));
  const { attempt, busy, problem } = useAttempt(place);
  if (now < 0) return <Empty>{name} is not there any more.</Empty>;
  const options = [...others.map((each, index): [string, string] => [String(index), `before ${each.name}`]), [String(others.length), 'last'] as [string, string]]
    .map(([key, words]): [string, string] => [key, key === String(now) ? `${words}, where it is` : words]);
  const changes = moves(rules, name, Number(place));
  const room = changes.filter((each) => each.name !== name);
  const own = changes.find((each) => each.name === name);
  const submit = (event: Event) => {
    event.preventDefault();
    void attempt(async () => {
      try {
        for (const each of changes) await number(each, rules.find((rule) => rule.name === each.name)?.order ?? 0);
      } finally {
        refresh('/api/v1/');
      }
      close();
    });
  };
  return (
    <form class="form" onSubmit={submit}>
      <span class="row"><span>Place</span><Choice label="Place" value={place} options={options} change={setPlace} /></span>
      <p class="words" role="status">
        {own && `It gets the number ${own.order}. `}
        {room.length > 0 && `To make room: ${room.map((each) => `${each.name} gets ${each.order}`).join(', ')}.`}
        {changes.length === 0 && 'Nothing changes.'}
      </p>
      <Ending label="Move it" close={close} problem={problem} disabled={busy || changes.length === 0} />
    </form>
  );
}

export function MoveRule({ name }: { name: string }) {
  return (
    <Opens label="Move" named={`Move ${name}`} title={`Move ${name}`}>
      {(close) => (
        <Read read={() => getAll<Rule>('/api/v1/rules?limit=1000')} close={close}>
          {(rules) => <Places rules={rules} name={name} close={close} />}
        </Read>
      )}
    </Opens>
  );
}
