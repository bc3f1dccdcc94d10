// Columns and rows of a case's events.

import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { test } from "node:test";
import { unpacked } from "../../../../faultbox/evidence/reporting/web/payload.mjs";
import { Trace } from "../../../../faultbox/evidence/reporting/web/trace.mjs";

const N = 10;
const loaded = [];

function made() {
  const columns = new Uint8Array(14 * N);
  new Float64Array(columns.buffer, 0, N).set([0, ...new Array(N - 1).fill(100)]);
  new Uint16Array(columns.buffer, 8 * N, N).set(Array.from({ length: N }, (_, index) => index % 2));
  new Uint16Array(columns.buffer, 10 * N, N).fill(0xffff).set([1]);
  columns.set(Array.from({ length: N }, (_, index) => index % 3), 12 * N);
  const shape = { events: N, lanes: ["driver", "api"], chunk: 4, spans: [{ start: 0, end: 5_000 }], shapes: [["syscall", "api", ["syscall", "__proto__"]]] };
  const rows = (chunk) => Array.from({ length: Math.min(4, N - chunk * 4) }, (_, at) => [chunk * 4 + at + 1, 0, "write", "x"]);
  return new Trace(shape, columns, async (chunk) => (loaded.push(chunk), rows(chunk)));
}

test("times are summed up and searched", () => {
  const trace = made();
  assert.deepEqual([...trace.times.slice(0, 3)], [0, 100, 200]);
  assert.deepEqual([0, 1, 100, 101, 900, 901].map((ns) => trace.indexAt(ns)), [0, 1, 1, 2, 9, 10]);
  assert.deepEqual(trace.bounds, { from: 0, to: 1_000_000 });
});

test("an event is unpacked when it is asked for, and then there", async () => {
  const trace = made();
  assert.equal(trace.peek(5), undefined);
  const event = await trace.event(5);
  assert.deepEqual({ ...event, fields: { ...event.fields } }, { index: 5, seq: 6, type: "syscall", service: "api", fields: { syscall: "write", ["__proto__"]: "x" }, data: undefined, ns: 500 });
  assert.equal(trace.peek(4).seq, 5);
  assert.deepEqual([trace.laneOf(1), trace.farOf(0), trace.farOf(1)], ["api", "api", null]);
});

test("judged by columns alone nothing is unpacked", async () => {
  loaded.length = 0;
  const found = await made().matching((index) => index % 5 === 0, null, () => assert.fail("no progress to tell"), new AbortController().signal);
  assert.deepEqual([...found], [0, 5]);
  assert.deepEqual(loaded, []);
});

test("judged by rows every chunk is, and progress is told", async () => {
  const shares = [];
  const found = await made().matching(() => true, (event) => event.seq > 8, (share) => shares.push(share), new AbortController().signal);
  assert.deepEqual([...found], [8, 9]);
  assert.deepEqual(shares, [0.4, 0.8, 1]);
});

test("a search that is stopped gives nothing", async () => {
  const stop = new AbortController();
  const found = made().matching(() => true, () => true, () => stop.abort(), stop.signal);
  assert.equal(await found, null);
});

test("few chunks are kept", async () => {
  const trace = made();
  for (let chunk = 0; chunk < 100; chunk++) await trace.rows(chunk % 3 ? chunk : 0);
  assert.ok(trace.chunks.size <= 24);
  assert.ok(trace.chunks.has(0), "one that is used again and again stays");
});

test("blocks are gzip in base64", async () => {
  const packed = gzipSync(Buffer.from("für alle")).toString("base64");
  assert.equal(new TextDecoder().decode(await unpacked(packed)), "für alle");
});
