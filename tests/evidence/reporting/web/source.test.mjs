// Where positions point to, and small words of the views.

import assert from "node:assert/strict";
import { test } from "node:test";
import { share, state } from "../../../../faultbox/evidence/reporting/web/coverage.mjs";
import { matrices } from "../../../../faultbox/evidence/reporting/web/matrix.mjs";
import { shellWord, title } from "../../../../faultbox/evidence/reporting/web/overview.mjs";
import { ruleText, valueText } from "../../../../faultbox/evidence/reporting/web/panels.mjs";
import { located, position } from "../../../../faultbox/evidence/reporting/web/source.mjs";
import { lookOf, worst } from "../../../../faultbox/evidence/reporting/web/verdict.mjs";

test("positions", () => {
  assert.deepEqual(position("a/b.star:59:46"), { file: "a/b.star", line: 59, column: 46 });
  assert.deepEqual(position("b.star:7"), { file: "b.star", line: 7, column: 1 });
  assert.equal(position("nowhere"), null);
  assert.equal(position(undefined), null);
});

test("a file is found by the end of its path", () => {
  const names = ["spec/orders.star", "spec/lib/orders.star"];
  assert.equal(located("/home/me/lib/orders.star", names), "spec/lib/orders.star");
  assert.equal(located("examples/orders.star", names), "spec/orders.star");
  assert.equal(located("other.star", names), null);
});

test("passing without a fault is a look of its own, and the worst of several runs counts", () => {
  assert.equal(lookOf({ verdict: "passed", exercised: false }), "unexercised");
  assert.equal(lookOf({ verdict: "passed", exercised: null }), "passed");
  assert.equal(lookOf({ verdict: null }), "none");
  assert.equal(worst([{ verdict: "passed" }, { verdict: "failed" }, { verdict: "errored" }]), "failed");
});

test("matrices: rows, columns, all runs of a cell, what is excluded", () => {
  const cell = (row, column, run) => ({ matrix: 1, row, column, run, verdict: "passed" });
  const [matrix, ...others] = matrices({ cases: [{ matrix: -1 }, cell("a", "x", 1), cell("a", "x", 2), cell("b", "y", 1)], excluded: [{ matrix: 1, row: "b", column: "x" }, { matrix: 5, row: "b", column: "x" }] });
  assert.equal(others.length, 0);
  assert.deepEqual([[...matrix.rows], [...matrix.columns]], [["a", "b"], ["x", "y"]]);
  assert.deepEqual([...matrix.cells.values()].map((each) => each.length), [2, 1]);
  assert.equal(matrix.excluded.size, 1);
});

test("coverage", () => {
  assert.deepEqual([share(5, 8), share(0, 0)], ["63%", "–"]);
  assert.deepEqual([state([]), state([{ fired: 0 }]), state([{ fired: 0 }, { fired: 2 }])], ["open", "defined", "fired"]);
});

test("words for shells, rules and cases", () => {
  assert.equal(shellWord("run-1.fb"), "run-1.fb");
  assert.equal(shellWord("it's $HOME"), `'it'"'"'s $HOME'`);
  const rule = { target: "db", service: "api", keyword: "connect", action: "deny(EIO)" };
  assert.equal(ruleText(rule), "db: connect=deny(EIO) (calls of api)");
  assert.equal(ruleText({ target: "db", service: "db", keyword: "error", action: "error(x)" }), "db: error(x)");
  assert.equal(title({ matrix: 0, row: "a", column: "b", run: 2 }), "a × b (run 2)");
});

test("counted numbers have the unit of their column", () => {
  assert.deepEqual([valueText("total_ns", 2_500), valueText("max_ns", 25e6), valueText("bytes_sent", 2048), valueText("calls", 1234), valueText("port", 5432), valueText("x", null), valueText("x", "y")], ["2.5µs", "25ms", "2.0 KiB", "1,234", "5432", "", "y"]);
});
