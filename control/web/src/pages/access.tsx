// SPDX-License-Identifier: Apache-2.0
//
// Who may do what: tokens, made and revoked by admins.
import { change, type Token, type Who } from '../api';
import { Opens, Removal } from '../dialog';
import { refresh, useLiveList } from '../live';
import { Cell, Empty, Ends, Head, Listed, may, Time } from '../parts';
import { MakeToken } from './new_token';

// The one in the appliance's own file; the API does not remove it (docs/operating.md).
const FIRST = 'admin';

function Revoke({ token, who }: { token: Token; who: Who }) {
  const { name } = token;
  if (name === FIRST) return <span class="note">the appliance's own, in its file <code>token</code></span>;
  const own = who.name === `token ${name}`;
  const action = async () => {
    await change('DELETE', `/api/v1/tokens/${encodeURIComponent(name)}`);
    refresh('/api/v1/tokens');
  };
  return (
    <Opens label="Revoke" named={`Revoke ${name}`} title={`Revoke ${name}?`} kind="danger">
      {(close) => (
        <Removal label="Revoke" close={close} action={action}>
          Whoever has it is refused from now on, and sessions begun with it are over.{own && ' You are signed in with it yourself.'} It cannot be had back: a token of the same name has another text.
        </Removal>
      )}
    </Opens>
  );
}

function Tokens({ who }: { who: Who }) {
  const live = useLiveList<Token>('/api/v1/tokens?limit=50', 5000);
  return (
    <>
      <Listed name="Tokens" caption="Tokens, by name" columns={['Token', 'Role', 'Machines', 'Made', 'Ends', 'Last used', 'Revoke']} list={live} empty="There is none.">
        {(each) => (
          <tr key={each.name}>
            <Cell label="Token" class="main">{each.name}</Cell>
            <Cell label="Role">{each.role}</Cell>
            <Cell label="Machines">{each.scope ? <code>{each.scope}</code> : <span class="note">all</span>}</Cell>
            <Cell label="Made"><Time unix={each.created} /></Cell>
            <Cell label="Ends">{each.expires === null ? <span class="note">never</span> : <Ends unix={each.expires} />}</Cell>
            <Cell label="Last used">{each.last_used === null ? <span class="note">never</span> : <Time unix={each.last_used} />}</Cell>
            <Cell label="Revoke"><div class="buttons"><Revoke token={each} who={who} /></div></Cell>
          </tr>
        )}
      </Listed>
      <p class="note under">Client certificates come in beside these, as <code>[[management.client]]</code> in slipway.toml says.</p>
    </>
  );
}

export function Access({ who }: { who: Who }) {
  const allowed = may(who.role, 'admin');
  return (
    <>
      <Head title="Access">{allowed && <MakeToken />}</Head>
      {allowed ? <Tokens who={who} /> : <Empty>Your token is {who.role === 'viewer' ? "a viewer's" : "an operator's"}. Who may do what is for admins to see and to change.</Empty>}
    </>
  );
}
