// SPDX-License-Identifier: Apache-2.0
import { useState } from 'preact/hooks';
import { get, Problem, type AuditRecord, type AuditVerdict, type Who } from '../api';
import { moment } from '../format';
import { useLive } from '../live';
import { Badge, Cell, Empty, Head, Loaded, may, ProblemBox, Table, Time } from '../parts';

function fieldsOf(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : value === null || value === undefined ? {} : { value };
}

/** What differs between before and after; all of it where there was nothing before. */
function Difference({ record }: { record: AuditRecord }) {
  const before = fieldsOf(record.before);
  const after = fieldsOf(record.after);
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  if (names.length === 0) return null;
  const text = (value: unknown) => (value === undefined ? 'none' : typeof value === 'string' ? value || 'empty' : JSON.stringify(value));
  return (
    <details>
      <summary>{names.length === 1 ? 'one field' : `${names.length} fields`}</summary>
      <dl class="difference">
        {names.map((name) => <div key={name}><dt>{name}</dt><dd>{record.before !== null && <><del>{text(before[name])}</del> </>}<ins>{text(after[name])}</ins></dd></div>)}
      </dl>
    </details>
  );
}

function Verify() {
  const [verdict, setVerdict] = useState<AuditVerdict | undefined>();
  const [problem, setProblem] = useState<Problem | undefined>();
  const verify = async () => {
    setProblem(undefined);
    try {
      setVerdict((await get<AuditVerdict>('/api/v1/audit/verify')).value);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  };
  return (
    <div class="tools" role="status">
      {verdict && <Badge tone={verdict.good ? 'good' : 'bad'}>{verdict.good ? 'The chain holds' : 'Broken'}</Badge>}
      {verdict?.fault && <span class="words bad">{verdict.fault}</span>}
      {problem && <span class="words bad">{problem.message}</span>}
      <button type="button" onClick={verify}>Verify</button>
    </div>
  );
}

export function Audit({ who }: { who: Who }) {
  const allowed = may(who.role, 'operator');
  const live = useLive<AuditRecord[]>(allowed ? '/api/v1/audit?limit=200' : null, 4000);
  return (
    <>
      <Head title="Audit">{allowed && <Verify />}</Head>
      {!allowed && <Empty>Your token is a viewer's. To read who changed what, sign in with an operator's: slipway token create NAME --role operator</Empty>}
      {allowed && live.problem && <ProblemBox problem={live.problem} />}
      {allowed && (
        <section class="panel flush" aria-label="Changes">
          <Loaded live={live} empty={<span class="inset">Nothing was changed yet.</span>}>
            {(list) => (
              <Table caption="Changes, the newest first" columns={['When', 'Who', 'What', 'Changed']}>
                {list.map((each) => (
                  <tr key={each.id}>
                    <Cell label="When"><Time unix={each.at} /><small>{moment(each.at)}</small></Cell>
                    <Cell label="Who" class="main">{each.who}{each.address && <small>from {each.address}</small>}</Cell>
                    <Cell label="What">{each.what}</Cell>
                    <Cell label="Changed" class="grow"><Difference record={each} /></Cell>
                  </tr>
                ))}
              </Table>
            )}
          </Loaded>
        </section>
      )}
    </>
  );
}
