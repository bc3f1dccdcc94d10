// Zooming, panning, ticks.

import assert from "node:assert/strict";
import { test } from "node:test";
import { around, clamped, panned, tickText, ticks, zoomed } from "../../../../faultbox/evidence/reporting/web/scale.mjs";

const bounds = { from: 0, to: 1e9 };

test("zooming keeps the moment under the pointer where it is", () => {
  const stretch = { from: 2e8, to: 4e8 };
  const closer = zoomed(stretch, 0.5, 2.5e8, bounds);
  assert.deepEqual(closer, { from: 2.25e8, to: 3.25e8 });
  const share = ({ from, to }) => (2.5e8 - from) / (to - from);
  assert.equal(share(closer), share(stretch));
});

test("nothing goes over the bounds or below a microsecond", () => {
  assert.deepEqual(zoomed({ from: 0, to: 5e8 }, 100, 1e8, bounds), bounds);
  assert.deepEqual(panned({ from: 0, to: 5e8 }, -3, bounds), { from: 0, to: 5e8 });
  assert.deepEqual(panned({ from: 0, to: 5e8 }, 3, bounds), { from: 5e8, to: 1e9 });
  const tiny = zoomed({ from: 10, to: 2_010 }, 0.001, 1_000, bounds);
  assert.equal(tiny.to - tiny.from, 1_000);
});

test("a case without any length still has a stretch", () => {
  const stretch = clamped({ from: 0, to: 0 }, { from: 0, to: 0 });
  assert.ok(stretch.to > stretch.from);
});

test("around moments there is room, inside of the bounds", () => {
  const { from, to } = around([5e8, 6e8], bounds);
  assert.ok(from < 5e8 && from > 4e8 && to > 6e8 && to < 7e8);
  assert.equal(around([0], bounds).from, 0);
});

test("ticks are round and not too many", () => {
  const { step, found } = ticks({ from: 0, to: 1e9 }, 900, 90);
  assert.equal(step, 1e8);
  assert.equal(found.length, 11);
  assert.ok(ticks({ from: 123_456, to: 987_654_321 }, 500, 90).found.length <= 6);
});

test("a tick has the unit of its step and the digits that tell it from the next", () => {
  assert.equal(tickText(250_000, 50_000), "250µs");
  assert.equal(tickText(1_500_000, 500_000), "1500µs");
  assert.equal(tickText(15e6, 5e6), "15ms");
  assert.equal(tickText(2e9, 1e9), "2s");
  assert.equal(tickText(1_500, 500), "1.5µs");
});
