// The fault matrix: scenarios down, faults across, a cell a link to its case.

import { h } from "./dom.mjs";
import { duration } from "./format.mjs";
import { icon, labelOf, lookOf, toneOf, wordOf, worst } from "./verdict.mjs";

const MANY = 14; // columns beyond which cells show shapes alone

/** Every matrix of a run as { number, rows, columns, at(row, column) }, `at` giving the cases of a cell. */
export function matrices(run) {
  const found = new Map();
  const of = (number) => found.get(number) ?? found.set(number, { number, rows: new Set(), columns: new Set(), cells: new Map(), excluded: new Set() }).get(number);
  for (const each of run.cases.filter((aCase) => aCase.matrix >= 0)) {
    const { rows, columns, cells } = of(each.matrix);
    rows.add(each.row);
    columns.add(each.column);
    const place = key(each.row, each.column);
    cells.set(place, [...(cells.get(place) ?? []), each]);
  }
  for (const each of run.excluded) {
    if (found.has(each.matrix)) of(each.matrix).excluded.add(key(each.row, each.column));
  }
  return [...found.values()];
}

/** A matrix as a table. */
export function table(matrix) {
  const columns = [...matrix.columns];
  const head = h("tr", {}, h("th", { scope: "col", class: "corner" }, "scenario"), columns.map((name) => h("th", { scope: "col" }, name)));
  const body = [...matrix.rows].map((row) => h("tr", {}, h("th", { scope: "row" }, row), columns.map((column) => cell(matrix, row, column))));
  return h(
    "div",
    { class: "scroll" },
    h(
      "table",
      { class: columns.length > MANY ? "matrix dense" : "matrix", on: { keydown: moved } },
      h("caption", { class: "unseen" }, "Verdicts of every scenario under every fault. The arrow keys go from cell to cell."),
      h("thead", {}, head),
      h("tbody", {}, body),
    ),
  );
}

/** What the shapes mean, those that are there. */
export function legend(cases) {
  const looks = [...new Set(cases.map(lookOf))];
  return h("ul", { class: "legend" }, looks.map((look) => h("li", {}, icon(look), labelOf(look))));
}

function cell(matrix, row, column) {
  const cases = matrix.cells.get(key(row, column));
  if (!cases) return absent(matrix.excluded.has(key(row, column)) ? "excluded" : "not in this run");
  const look = worst(cases);
  const shown = cases.find((each) => lookOf(each) === look);
  const alike = cases.filter((each) => lookOf(each) === look).length;
  const times = cases.length > 1 ? ` ${alike}/${cases.length}` : "";
  const text = shown.verdict === "passed" ? duration(shown.duration_ms) : "";
  const label = `${row} under ${column}: ${labelOf(look)}${times}`;
  if (!shown.verdict) return absent(labelOf(look));
  return h(
    "td",
    { class: toneOf(look) },
    h("a", { href: `#case/${shown.number}`, "aria-label": label, title: shown.reason || label }, icon(look), h("b", {}, wordOf(look), times), h("span", {}, text)),
  );
}

function absent(why) {
  return h("td", { class: "absent", title: why }, h("span", {}, why));
}

function key(row, column) {
  return JSON.stringify([row, column]);
}

/** The arrow keys go from link to link, over cells that have none. */
function moved(event) {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  const from = event.target.closest("td");
  if (!step || !from) return;
  const rows = [...from.closest("tbody").rows];
  let [row, column] = [rows.indexOf(from.parentElement), from.cellIndex];
  for (;;) {
    row += step[0];
    column += step[1];
    const there = rows[row]?.cells[column];
    if (!there || column < 1) return;
    const link = there.querySelector("a");
    if (link) {
      event.preventDefault();
      link.focus();
      return;
    }
  }
}
