// What is typed into the search field.

import assert from "node:assert/strict";
import { test } from "node:test";
import { globbed, parsed } from "../../../../faultbox/evidence/reporting/web/filter.mjs";

const denied = { seq: 17, type: "syscall", service: "api", fields: { syscall: "connect", decision: "deny(ECONNREFUSED)", peer: "cache.main" } };
const line = { seq: 18, type: "stdout", service: "Inventory", fields: { event: "reserved", note: "two words" }, data: { list: ["Deep"] } };

const passes = (text, event) => parsed(text).test(event);

test("nothing lets everything through and says so", () => {
  assert.equal(parsed("  ").empty, true);
  assert.equal(parsed("x").empty, false);
  assert.ok(passes("", denied));
});

test("words are looked for everywhere, in any case", () => {
  assert.ok(passes("econnrefused", denied));
  assert.ok(passes("inventory RESERVED", line));
  assert.ok(passes("deep", line));
  assert.ok(!passes("reserved missing", line));
});

test("fields are matched whole, with globs", () => {
  assert.ok(passes("service=api decision=deny*", denied));
  assert.ok(passes("type=sys*ll seq=17", denied));
  assert.ok(!passes("decision=deny", denied));
  assert.ok(!passes("path=*", denied), "a field that isn't there matches nothing");
});

test("quotes hold words together, a minus turns a term around", () => {
  assert.ok(passes('"two words"', line));
  assert.ok(passes('note="two words"', line));
  assert.ok(!passes("-service=api", denied));
  assert.ok(passes("-reserved", denied));
});

test("globs: any text, one character, everything else itself", () => {
  const cases = [["*", "", true], ["a*c", "abbc", true], ["a*c", "abcd", false], ["a?c", "abc", true], ["a?c", "ac", false], ["**b", "aab", true], ["[ab]", "a", false], ["a.c", "abc", false]];
  for (const [glob, text, wanted] of cases) assert.equal(globbed(glob)(text), wanted, `${glob} on ${text}`);
});

test("a hostile glob costs no more than length times length", () => {
  assert.equal(globbed("*a".repeat(40) + "b")("a".repeat(20_000)), false);
});
