// Overlapping spans in rows, lanes below each other.

import assert from "node:assert/strict";
import { test } from "node:test";
import { dealt, stacked } from "../../../../faultbox/evidence/reporting/web/rows.mjs";

test("what overlaps gets rows of its own, and a row is free again when its span has ended", () => {
  const spans = [{ start: 0, end: 10 }, { start: 5, end: 8 }, { start: 8, end: 9 }, { start: 10, end: null }];
  assert.deepEqual(dealt(spans, 4), { rows: [0, 1, 1, 0], used: 2 });
});

test("there are never more rows than may be, and one at least", () => {
  const open = Array.from({ length: 5 }, (_, start) => ({ start, end: null }));
  assert.deepEqual(dealt(open, 3), { rows: [0, 1, 2, 2, 2], used: 3 });
  assert.deepEqual(dealt([], 3), { rows: [], used: 1 });
});

test("lanes are stacked by their heights", () => {
  assert.deepEqual(stacked([34, 60], 26), { tops: [26, 60], middles: [43, 90], bottom: 120 });
});
