// The tree of what a step caused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { flat, spans } from "../../../../faultbox/evidence/reporting/web/causes.mjs";

const node = (service, caller, at, total, requests = [], more = {}) => ({ service, caller, at_ms: at, total_ms: total, waiting_ms: 0, did: [], requests, possible: { requests: {}, events: [] }, ...more });
const tree = node("driver", "", 100, 50, [node("api", "driver", 101, 48, [node("db", "api", 110, 20, [], { did: [["fsync deny(EIO)", 2]] }), node("cache", "api", 140, null)], { proxied: true, merged: true, possible: { requests: { db: 3 } } })], { step: "1", target: "api.http", method: "post", summary: "x" });

test("requests stand below what asked for them", () => {
  const found = flat(tree);
  assert.deepEqual(found.map(({ name, depth }) => [name, depth]), [["step 1", 0], ["api", 1], ["db", 2], ["cache", 2]]);
  assert.deepEqual([found[0].detail, found[1].detail], ["api.http post x", "through its proxy, requests that overlap"]);
  assert.deepEqual([found[1].possible, found[2].did, found[3].total], [{ db: 3 }, [["fsync deny(EIO)", 2]], null]);
});

test("on a timeline they last from question to answer, those without one on and on", () => {
  assert.deepEqual(spans(tree).map(({ service, caller, start, end }) => [service, caller, start, end]), [["api", "driver", 101e6, 149e6], ["db", "api", 110e6, 130e6], ["cache", "api", 140e6, null]]);
});

test("whatever a stranger's tree holds, nothing breaks", () => {
  for (const wrong of [null, undefined, 7, [], {}, { requests: "x", did: [3, ["a"]], possible: 4, at_ms: "1", total_ms: NaN }, { requests: [null, { requests: {} }] }]) {
    for (const each of flat(wrong)) assert.equal(typeof each.name, "string");
    spans(wrong);
  }
  const wide = { requests: Array.from({ length: 10_000 }, () => ({})) };
  assert.equal(flat(wide).length, 2_000);
});
