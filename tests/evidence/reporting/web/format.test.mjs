// Times, counts and events in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { count, describe, duration, relative, size, wall, what } from "../../../../faultbox/evidence/reporting/web/format.mjs";

test("durations are the console's", () => {
  assert.equal(duration(12.4), "12ms");
  assert.equal(duration(9_999), "9999ms");
  assert.equal(duration(12_340), "12.3s");
});

test("times since the start", () => {
  assert.equal(relative(0), "+0.000ms");
  assert.equal(relative(523_872_000), "+523.872ms");
  assert.equal(relative(-1_500_000), "−1.500ms");
  assert.equal(relative(12_345_678_901), "+12.345679s");
});

test("moments in UTC, to the microsecond, where the bundle knows them", () => {
  const start = Date.UTC(2026, 10, 21, 17, 11, 42, 663);
  assert.equal(wall(start + 0.25, 0), "17:11:42.663250");
  assert.equal(wall(start, 1_500_000), "17:11:42.664500");
  assert.equal(wall(null, 0), "");
  assert.equal(wall(1e300, 0), "");
});

test("counts and sizes", () => {
  assert.equal(count(1, "event"), "1 event");
  assert.equal(count(12_345, "event"), "12,345 events");
  assert.deepEqual([0, 512, 1536, 204_800, 5 * 2 ** 30].map(size), ["0 B", "512 B", "1.5 KiB", "200 KiB", "5.0 GiB"]);
});

test("an event in one line: plain fields first, quiet ones not", () => {
  const words = { plain: ["target", "status", "raw"], quiet: ["pid"] };
  const event = { type: "syscall", fields: { pid: "7", stock: "3", status: "500", syscall: "write", empty: "" } };
  assert.equal(describe(event, words), "500 stock=3 syscall=write");
  assert.equal(describe({ fields: { raw: " two\n\n lines " } }, words), "two lines");
  assert.equal(what(event), "write");
  assert.equal(what({ type: "stdout", fields: {} }), "stdout");
});
