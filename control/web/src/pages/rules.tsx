// SPDX-License-Identifier: Apache-2.0
//
// Rules in their order: which machines, and what becomes of them.
import type { Rule, Who } from '../api';
import { Removes } from '../dialog';
import { useLiveList } from '../live';
import { Cell, Head, Listed, mayShared, Selected } from '../parts';
import { selectorWords } from '../selector';
import { ACTIONS, AddRule, EditRule, rulePath } from './rule_form';
import { MoveRule } from './rule_move';

function LeadsTo({ rule }: { rule: Rule }) {
  const more = [
    rule.mode !== 'always' && `boots ${rule.mode}`,
    rule.script && `iPXE is sent to ${rule.script}`,
    rule.options.length > 0 && `DHCP options ${rule.options.map((each) => each.code).join(', ')}`,
    ...Object.entries(rule.variables).map(([key, value]) => `${key}=${value}`),
  ].filter(Boolean);
  return (
    <>
      <div>{rule.image_set ? <a href={`#/images/${rule.image_set}`}>{rule.image_set}</a> : <span class="note">no image set</span>}</div>
      {more.length > 0 && <small>{more.join('; ')}</small>}
    </>
  );
}

function RemoveRule({ name }: { name: string }) {
  return (
    <Removes<Rule> named={`Remove ${name}`} title={`Remove the rule ${name}?`} read={rulePath(name)}>
      {({ selector, action, image_set }) => `The rules behind it decide of its machines from now on: ${selectorWords(selector) ?? selector}. Now each of them ${ACTIONS[action]}${image_set && ` ${image_set}`}.`}
    </Removes>
  );
}

export function Rules({ who }: { who: Who }) {
  const changes = mayShared(who, 'operator');
  const live = useLiveList<Rule>('/api/v1/rules?limit=50', 3000);
  const columns = ['Order', 'Rule', 'Machines', 'Action', 'Leads to', ...(changes ? ['Change'] : [])];
  return (
    <>
      <Head title="Rules">{changes && <AddRule />}</Head>
      <p class="note lead">The first rule that fits a machine decides. An image set that a machine was given by name comes before all of them, and behind them what <code>[boot]</code> in slipway.toml says.</p>
      <Listed name="Rules" caption="Rules, the one that is asked first at the top" columns={columns} list={live} empty="There is none: every machine gets its own image set, or what [boot] says.">
        {(each) => (
          <tr key={each.name}>
            <Cell label="Order">{each.order}</Cell>
            <Cell label="Rule" class="main">{each.name}</Cell>
            <Cell label="Machines"><Selected selector={each.selector} /></Cell>
            <Cell label="Action"><span class="words"><b>{each.action}</b><small>{ACTIONS[each.action]}</small></span></Cell>
            <Cell label="Leads to"><LeadsTo rule={each} /></Cell>
            {changes && <Cell label="Change"><div class="buttons"><EditRule name={each.name} /><MoveRule name={each.name} /><RemoveRule name={each.name} /></div></Cell>}
          </tr>
        )}
      </Listed>
    </>
  );
}
