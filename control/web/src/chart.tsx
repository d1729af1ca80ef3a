// SPDX-License-Identifier: Apache-2.0
//
// The throughput of the last minutes as an area. Its numbers stand beside it for whoever cannot see it.
import { bits } from './format';
import { useWidth } from './parts';
import type { Sample } from './throughput';

const HEIGHT = 150;
const SPAN = 300; // s
const EDGE = { left: 4, right: 4, top: 20, bottom: 20 };

// The next of 1, 2, 5 times a power of ten.
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= value) ?? value;
}

export function Chart({ samples }: { samples: Sample[] }) {
  const { ref, width } = useWidth<HTMLDivElement>();
  const end = samples.at(-1)?.at ?? 0;
  const peak = Math.max(0, ...samples.map((each) => each.bitsPerSecond));
  const top = roundUp(Math.max(1e6, peak));
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const x = (at: number) => EDGE.left + inner.width * (1 - (end - at) / SPAN);
  const y = (value: number) => EDGE.top + inner.height * (1 - value / top);
  const shown = samples.filter((each) => end - each.at <= SPAN);
  const line = shown.map((each) => `${x(each.at).toFixed(1)},${y(each.bitsPerSecond).toFixed(1)}`).join(' ');
  const first = shown[0];
  const words = `Throughput of the last five minutes: now ${bits(samples.at(-1)?.bitsPerSecond ?? 0)}, at most ${bits(peak)}`;
  return (
    <div ref={ref} class="chart">
      {width > 0 && (
        <svg width={width} height={HEIGHT} role="img" aria-label={words}>
          {[0, 0.5, 1].map((share) => (
            <g key={share}>
              <line class="grid" x1={EDGE.left} x2={width - EDGE.right} y1={y(top * share)} y2={y(top * share)} />
              {share > 0 && <text class="axis" x={EDGE.left} y={y(top * share) - 5}>{bits(top * share)}</text>}
            </g>
          ))}
          {first && shown.length > 1 && (
            <>
              <polygon class="area" points={`${x(first.at).toFixed(1)},${y(0)} ${line} ${x(end).toFixed(1)},${y(0)}`} />
              <polyline class="line" points={line} />
            </>
          )}
          <text class="axis" x={EDGE.left} y={HEIGHT - 5}>5 min ago</text>
          <text class="axis end" x={width - EDGE.right} y={HEIGHT - 5}>now</text>
        </svg>
      )}
    </div>
  );
}
