// SPDX-License-Identifier: Apache-2.0
//
// Rules stand by their number, those of one number by name. A rule that moves gets a number between
// its new neighbours; where there is none, those behind it get the next ones, as few as need it.

export interface Numbered { name: string; order: number }

const STEP = 10; // what `slipway rule set` is shown with: room for others in between

const stands = (first: Numbered, second: Numbered) =>
  first.order < second.order || (first.order === second.order && first.name < second.name);
// The least number by which `name` stands behind the rule.
const behind = (rule: Numbered, name: string) => rule.order + (rule.name < name ? 0 : 1);

function between(name: string, before: Numbered | undefined, after: Numbered | undefined): number {
  const low = before ? behind(before, name) : 0;
  if (!after) return before ? Math.max(low, before.order + STEP) : STEP;
  const high = after.order - (name < after.name ? 0 : 1);
  if (low > high) return low; // no room: those behind make some
  const wanted = before ? Math.floor((before.order + after.order) / 2) : after.order - STEP;
  return Math.min(high, Math.max(low, wanted));
}

/** The number of a rule that shall stand behind all others. */
export const lastOrder = (rules: Numbered[]) => (rules.at(-1)?.order ?? 0) + STEP;

/**
 * What gets which number so that `name` is at `place` among the others. In this order each change
 * leaves the others as they stand, so nothing is out of order in between.
 */
export function moves(rules: Numbered[], name: string, place: number): Numbered[] {
  const now = rules.findIndex((each) => each.name === name);
  if (now < 0 || now === place) return [];
  const rest = rules.filter((each) => each.name !== name);
  let last: Numbered = { name, order: between(name, rest[place - 1], rest[place]) };
  const changes = [last];
  for (const each of rest.slice(place)) {
    if (stands(last, each)) break;
    last = { name: each.name, order: behind(last, each.name) };
    changes.unshift(last);
  }
  return changes.filter((each) => rules.find(({ name: known }) => known === each.name)?.order !== each.order);
}
