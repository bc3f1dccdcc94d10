// A case's timeline, its list of events, and the event that is looked at, kept together.

import { spans } from "./causes.mjs";
import { detail } from "./detail.mjs";
import { h, say } from "./dom.mjs";
import { parsed } from "./filter.mjs";
import { count, describe, relative, wall, what } from "./format.mjs";
import { List } from "./list.mjs";
import { KIND_WORDS, glyph } from "./marks.mjs";
import { around } from "./scale.mjs";
import { Timeline } from "./timeline.mjs";

const ROW = 26;
const PAUSE_MS = 120;

export class Explorer {
  /** `remember(index)` is told which event is looked at. */
  constructor(trace, shape, run, remember) {
    const { kinds } = run.words;
    Object.assign(this, { trace, shape, run, remember, kinds, matches: null, selected: -1, hiddenKinds: new Set(), hiddenLanes: new Set(), inView: false });
    this.deciding = shape.deciding;
    const lasting = [...trace.shape.spans, ...spans(shape.result.causes)];
    this.timeline = new Timeline(trace, lasting, kinds, { pick: (index) => this.select(index), moved: () => this.inView && this.refilter() });
    this.timeline.deciding = this.deciding;
    this.list = new List({
      label: "Events",
      columns: ["#", "since start", "UTC", "where", "what", "details"],
      rowHeight: ROW,
      cells: (row) => this.cells(this.indexOf(row)),
      classes: (row) => this.classes(this.indexOf(row)),
      pick: (row) => this.select(this.indexOf(row)),
    });
    this.search = h("input", { type: "search", id: "search", placeholder: "words, or service=db decision=deny*", "aria-label": "Filter events", autocomplete: "off", spellcheck: "false", on: { input: () => this.refilter(PAUSE_MS) } });
    this.found = h("output", { class: "muted" });
    this.aside = h("aside", { class: "detail", "aria-label": "The event" }, h("p", { class: "muted" }, "Choose an event in the timeline or the list."));
    this.element = h("div", { class: "explorer" }, this.toolbar(), this.timeline.element, this.filters(), h("div", { class: "beside" }, this.list.element, this.aside), this.printed());
    this.list.reset(trace.length);
    this.found.textContent = this.totals();
  }

  toolbar() {
    const button = (text, label, act, pressed = null) => h("button", { type: "button", "aria-label": label, title: label, "aria-pressed": pressed, on: { click: act } }, text);
    const times = button("UTC", "Show the time of day on the axis", () => this.toggleTimes(times), "false");
    times.disabled = this.trace.shape.start_utc_ms === null;
    return h(
      "div",
      { class: "toolbar", role: "toolbar", "aria-label": "Timeline" },
      button("Scenario", "Show the scenario", () => this.timeline.show(this.scenario())),
      button("Whole case", "Show the whole case, starts and stops of services included", () => this.timeline.show(this.timeline.bounds)),
      button("+", "Zoom in", () => this.timeline.zoom(0.5)),
      button("−", "Zoom out", () => this.timeline.zoom(2)),
      times,
      h("span", { class: "hint muted" }, "drag to zoom, shift and drag to move"),
    );
  }

  filters() {
    const present = new Set(this.trace.kind);
    const kinds = this.kinds.map((name, number) => ({ name, number })).filter(({ number }) => present.has(number)).reverse();
    const chip = (text, picture, toggle) => {
      const button = h("button", { type: "button", class: "chip", "aria-pressed": "true", on: { click: () => { button.setAttribute("aria-pressed", String(toggle())); this.refilter(); } } }, picture, text);
      return button;
    };
    const toggle = (set, member) => () => (set.delete(member) ? true : (set.add(member), false));
    return h(
      "div",
      { class: "filters", role: "group", "aria-label": "Which events the list shows" },
      this.search,
      this.found,
      h("span", { class: "chips" }, kinds.map(({ name, number }) => chip(KIND_WORDS[name], glyph(name), toggle(this.hiddenKinds, number)))),
      h("span", { class: "chips" }, this.trace.lanes.map((name, number) => chip(name, null, toggle(this.hiddenLanes, number)))),
      this.viewChip(),
    );
  }

  viewChip() {
    const button = h("button", { type: "button", class: "chip", "aria-pressed": "false", on: { click: () => {
      this.inView = !this.inView;
      button.setAttribute("aria-pressed", String(this.inView));
      this.refilter();
    } } }, "only what the timeline shows");
    return button;
  }

  /** The steps and faults of the scenario, without what services do before and after it. */
  scenario() {
    const spans = this.trace.shape.spans.filter((span) => span.kind !== "life");
    const moments = spans.flatMap((span) => [span.start, span.end ?? span.start]);
    for (const index of this.deciding) if (index >= 0) moments.push(this.trace.times[index]);
    return moments.length ? around(moments, this.timeline.bounds) : this.timeline.bounds;
  }

  /** Show the scenario, and the first event that decided the case, else the first that met a fault. */
  begin(wanted) {
    this.timeline.show(this.scenario());
    const first = wanted ?? this.deciding.find((index) => index >= 0) ?? this.trace.kind.indexOf(this.kinds.indexOf("fault"));
    if (first < this.trace.length) this.select(first);
  }

  /** Bring a stretch of time into view. */
  look(from, to) {
    this.timeline.show(around([from, to], this.timeline.bounds));
    this.timeline.element.scrollIntoView({ block: "nearest" });
  }

  /** Look at an event: on the timeline, in the list as far as that has it, and by itself. */
  async select(index) {
    if (index < 0) return;
    this.selected = index;
    this.timeline.select(index);
    const row = this.rowOf(index);
    if (row >= 0) this.list.show(row);
    const event = await this.trace.event(index);
    if (this.selected !== index) return;
    const shown = await detail(event, this);
    if (this.selected !== index) return;
    this.aside.replaceChildren(...shown);
    this.remember(index);
    say(`Event ${event.seq}, ${event.service} ${what(event)} ${describe(event, this.run.words)}`);
  }

  /** The next event that decided the case, or the one before. */
  jump(step) {
    const places = this.deciding.filter((index) => index >= 0).sort((left, right) => left - right);
    if (!places.length) return;
    const next = step > 0 ? places.find((index) => index > this.selected) ?? places[0] : places.findLast((index) => index < this.selected) ?? places.at(-1);
    this.select(next);
  }

  move(step) {
    this.list.choose(this.list.active + step);
  }

  indexOf(row) {
    return this.matches ? this.matches[row] : row;
  }

  rowOf(index) {
    if (!this.matches) return index;
    const at = lowerBound(this.matches, index);
    return this.matches[at] === index ? at : -1;
  }

  /** Find the events that the filters let through; what is typed waits for a pause. */
  async refilter(pause = 0) {
    this.stop?.abort();
    const { signal } = (this.stop = new AbortController());
    if (pause) await new Promise((resolve) => setTimeout(resolve, pause));
    if (signal.aborted) return;
    const { empty, test } = parsed(this.search.value);
    const { from, to } = this.timeline.stretch;
    const { trace, hiddenKinds, hiddenLanes, inView } = this;
    const wants = (index) => !hiddenKinds.has(trace.kind[index]) && !hiddenLanes.has(trace.lane[index]) && (!inView || (trace.times[index] >= from && trace.times[index] <= to));
    const all = empty && !inView && !hiddenKinds.size && !hiddenLanes.size;
    const progress = (share, number) => (this.found.textContent = `searching, ${Math.round(share * 100)}%: ${count(number, "event")}`);
    const matches = all ? null : await trace.matching(wants, empty ? null : test, progress, signal);
    if (signal.aborted) return;
    this.matches = matches;
    this.list.reset(matches ? matches.length : trace.length);
    const row = this.selected >= 0 ? this.rowOf(this.selected) : -1;
    if (row >= 0) this.list.show(row);
    this.found.textContent = matches ? `${matches.length.toLocaleString("en")} of ${this.totals()}` : this.totals();
    say(this.found.textContent);
  }

  totals() {
    const { left_out: left, total } = this.trace.shape;
    return left ? `${count(this.trace.length, "event")}, ${left.toLocaleString("en")} of ${total.toLocaleString("en")} left out` : count(this.trace.length, "event");
  }

  cells(index) {
    const { trace } = this;
    const event = trace.peek(index);
    if (!event) trace.rows(Math.floor(index / trace.shape.chunk)).then(() => this.list.later());
    const kind = this.kinds[trace.kind[index]];
    const time = trace.times[index];
    const start = [event ? String(event.seq) : "", relative(time), wall(trace.shape.start_utc_ms, time).slice(0, 12), trace.laneOf(index)];
    return [...start, [glyph(kind), event ? what(event) : "…"], event ? describe(event, this.run.words).slice(0, 400) : ""];
  }

  classes(index) {
    const names = [`kind-${this.kinds[this.trace.kind[index]]}`];
    if (this.deciding.includes(index)) names.push("deciding");
    if (index === this.trace.shape.gap_at) names.push("after-gap");
    return names.join(" ");
  }

  /** The times on the axis: since the start, or of the day. */
  toggleTimes(button) {
    this.timeline.showWall = !this.timeline.showWall;
    button.setAttribute("aria-pressed", String(this.timeline.showWall));
    this.timeline.draw();
  }

  printed() {
    return h("p", { class: "on-paper" }, `The list of all ${count(this.trace.length, "event")} is in the file that this was printed from.`);
  }
}

function lowerBound(sorted, wanted) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
