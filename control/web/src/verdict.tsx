// SPDX-License-Identifier: Apache-2.0
//
// What Secure Boot would say to an image set.
import type { Verdict } from './api';
import { Badge, type Tone } from './parts';

const OUTCOMES: Record<string, { tone: Tone; word: string }> = {
  accepted: { tone: 'good', word: 'Accepted' },
  'accepted-by-shim': { tone: 'good', word: 'By its shim' },
  refused: { tone: 'bad', word: 'Refused' },
  unknown: { tone: 'idle', word: 'Not known' },
  'not-judged': { tone: 'idle', word: 'No EFI program' },
};

export function VerdictBadge({ verdict }: { verdict: { outcome: string } | null }) {
  if (!verdict) return <Badge tone="idle">Not judged</Badge>;
  const known = OUTCOMES[verdict.outcome] ?? { tone: 'idle' as Tone, word: verdict.outcome };
  return <Badge tone={known.tone}>{known.word}</Badge>;
}

export function VerdictFiles({ verdict }: { verdict: Verdict }) {
  return (
    <ul class="verdicts">
      {(verdict.files ?? []).map((file) => (
        <li key={file.path}>
          <div class="facts"><VerdictBadge verdict={file} /><b class="mono">{file.path}</b><span class="note">{file.architecture}</span></div>
          {file.findings.length === 0 && <p class="words">{file.words}</p>}
          {file.signatures.map((each, index) => (
            <p key={index} class="note">Signed by {each.chain[0]?.name || each.chain[0]?.subject || 'nobody that can be read'}
              {each.accepted_by.length > 0 && `, accepted by ${each.accepted_by.join(', ')}`}{each.refused && `: ${each.refused}`}</p>
          ))}
          <ul class="findings">
            {file.findings.map((each) => (
              <li key={each.code} class={each.severity}><b>{each.words}</b>{each.remedy && <span class="words"> {each.remedy}</span>}</li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
