// A list of any length of which only the rows in view are in the document.
// To assistive technology it is a grid of all its rows, with one of them active.

import { h } from "./dom.mjs";

const TALLEST = 8_000_000; // browsers cut elements off at 17 to 33 million pixels
const SPARE = 6;

/** Which rows are in view. Where all of them would be too tall for a browser, the scroll bar stands for shares of the list. */
export function visible(scrollTop, viewHeight, count, rowHeight) {
  const shown = Math.ceil(viewHeight / rowHeight) + 1;
  const full = count * rowHeight;
  const height = Math.min(full, TALLEST);
  const room = Math.max(height - viewHeight, 0);
  const share = room ? Math.min(Math.max(scrollTop / room, 0), 1) : 0;
  const top = full <= TALLEST ? Math.min(scrollTop, room) : share * (full - viewHeight);
  const first = Math.max(Math.floor(top / rowHeight) - SPARE, 0);
  const last = Math.min(Math.floor(top / rowHeight) + shown + SPARE, count);
  return { height, first, last, offset: Math.round(scrollTop - top + first * rowHeight) };
}

/** Where to scroll so that a row is the first in view. */
export function scrollFor(row, viewHeight, count, rowHeight) {
  const full = count * rowHeight;
  if (full <= TALLEST) return row * rowHeight;
  return ((row * rowHeight) / (full - viewHeight)) * (TALLEST - viewHeight);
}

export class List {
  /** `cells(row)` gives a row's cells and `pick(row)` is told of the active one. `columns` are their headings. */
  constructor({ label, columns, rowHeight, cells, classes, pick }) {
    Object.assign(this, { rowHeight, cells, classes, pick, count: 0, active: -1 });
    this.window = h("div", { class: "window", role: "presentation" });
    this.spacer = h("div", { class: "spacer", role: "presentation" }, this.window);
    this.head = h("div", { role: "row", class: "row head" }, columns.map((each) => h("span", { role: "columnheader" }, each)));
    this.view = h("div", { class: "rows", role: "presentation", on: { scroll: () => this.draw(), click: (event) => this.clicked(event) } }, this.spacer);
    this.element = h(
      "div",
      { class: "list", role: "grid", tabindex: 0, "aria-label": label, "aria-readonly": true, on: { keydown: (event) => this.key(event) } },
      h("div", { role: "rowgroup" }, this.head),
      this.view,
    );
    new ResizeObserver(() => this.draw()).observe(this.view);
  }

  /** Show another number of rows; none of them is active. */
  reset(count) {
    this.count = count;
    this.active = -1;
    this.element.setAttribute("aria-rowcount", String(count + 1));
    this.view.scrollTop = 0;
    this.draw();
  }

  /** Make a row the active one, in view, without telling anybody. */
  show(row) {
    this.active = row;
    const { clientHeight } = this.view;
    const { first, last } = visible(this.view.scrollTop, clientHeight, this.count, this.rowHeight);
    if (row < first + SPARE || row > last - SPARE - 3) {
      const lead = Math.floor(clientHeight / this.rowHeight / 3);
      this.view.scrollTop = scrollFor(Math.max(row - lead, 0), clientHeight, this.count, this.rowHeight);
    }
    this.draw();
  }

  /** Draw again before the next frame, once, however often it is asked for. */
  later() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { height, first, last, offset } = visible(this.view.scrollTop, this.view.clientHeight, this.count, this.rowHeight);
    this.spacer.style.height = `${height}px`;
    this.window.style.transform = `translateY(${offset}px)`;
    const rows = [];
    for (let row = first; row < last; row++) rows.push(this.row(row));
    this.window.replaceChildren(...rows);
    if (this.active >= first && this.active < last) this.element.setAttribute("aria-activedescendant", "active-row");
    else this.element.removeAttribute("aria-activedescendant");
  }

  row(row) {
    const active = row === this.active;
    const cells = this.cells(row).map((content) => h("span", { role: "gridcell" }, content));
    const properties = { role: "row", class: `row ${this.classes(row)}`, "aria-rowindex": row + 2, "data-row": row };
    return h("div", active ? { ...properties, id: "active-row", "aria-selected": "true" } : properties, cells);
  }

  clicked(event) {
    const row = event.target.closest("[data-row]");
    if (row) this.choose(Number(row.dataset.row));
  }

  choose(row) {
    if (!this.count) return;
    this.show(Math.min(Math.max(row, 0), this.count - 1));
    this.pick(this.active);
  }

  key(event) {
    const page = Math.max(Math.floor(this.view.clientHeight / this.rowHeight) - 1, 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.choose(this.active + step);
  }
}
