// Which rows of a long list are in view.

import assert from "node:assert/strict";
import { test } from "node:test";
import { scrollFor, visible } from "../../../../faultbox/evidence/reporting/web/list.mjs";

const HEIGHT = 494;
const ROW = 26;

test("a short list: the rows in view and a few around them", () => {
  const { first, last, height, offset } = visible(2_600, HEIGHT, 1_000, ROW);
  assert.equal(height, 26_000);
  assert.ok(first <= 100 && first > 90 && last >= 119 && last < 130);
  assert.equal(offset, first * ROW);
});

test("an empty list has none", () => {
  assert.deepEqual(visible(0, HEIGHT, 0, ROW), { height: 0, first: 0, last: 0, offset: 0 });
});

for (const count of [10, 1_000, 300_000, 1_000_000, 50_000_000]) {
  test(`of ${count} rows the first and the last can be reached, and every row that is asked for`, () => {
    const top = visible(0, HEIGHT, count, ROW);
    assert.ok(top.height <= 8_000_000);
    assert.equal(top.first, 0);
    const bottom = visible(Math.max(top.height - HEIGHT, 0), HEIGHT, count, ROW);
    assert.equal(bottom.last, count);
    for (const row of [0, count >> 1, count - 20].filter((each) => each >= 0)) {
      const { first, last } = visible(scrollFor(row, HEIGHT, count, ROW), HEIGHT, count, ROW);
      assert.ok(first <= row && row < last, `row ${row}: ${first} to ${last}`);
    }
  });
}

test("the rows are drawn where the view is, however far the list was squeezed", () => {
  for (const scroll of [0, 1_234_567, 7_999_506]) {
    const { first, offset } = visible(scroll, HEIGHT, 1_000_000, ROW);
    const ahead = scroll - offset;
    assert.ok(ahead >= 0 && ahead <= 7 * ROW, `${first}: ${ahead}`);
  }
});
