// Swim lanes: time from left to right, a lane for the faults, the driver and every service.

import { h } from "./dom.mjs";
import { relative, wall } from "./format.mjs";
import { arrow, colourOf, mark } from "./marks.mjs";
import { bar, life, line } from "./paint.mjs";
import { dealt, stacked } from "./rows.mjs";
import { clamped, panned, tickText, ticks, zoomed } from "./scale.mjs";

const AXIS = 26;
const LANE = 34;
const ROW = 24; // of things that last and overlap
const MOST_ROWS = 4;
const MOST_ARROWS = 400;
const NEAR = 9;

export class Timeline {
  /** `spans` are what lasts. `pick(index)` is told of the event that was clicked, `moved()` when another stretch is shown. */
  constructor(trace, spans, kinds, { pick, moved }) {
    Object.assign(this, { trace, spans, kinds, pick, moved, selected: -1, deciding: [], showWall: false });
    this.bounds = trace.bounds;
    this.stretch = { ...this.bounds };
    this.numbers = new Map(trace.lanes.map((name, number) => [name, number]));
    this.place();
    this.canvas = h("canvas", {
      tabindex: 0,
      role: "img",
      "aria-label": `Timeline of ${trace.length} events in ${trace.lanes.length} lanes; the list below has the same events`,
      on: {
        pointerdown: (event) => this.pressed(event),
        wheel: (event) => this.wheeled(event),
        dblclick: (event) => this.zoom(0.4, this.at(event.offsetX)),
        keydown: (event) => this.key(event),
      },
    });
    this.brush = h("div", { class: "brush", hidden: true });
    this.labels = h("div", { class: "labels", "aria-hidden": "true" }, this.labelRows());
    this.element = h("div", { class: "timeline" }, this.labels, h("div", { class: "plot" }, this.canvas, this.brush));
    this.canvas.style.height = `${this.height}px`;
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** Decide where everything that lasts is drawn, and with that how high the lanes are. */
  place() {
    const { spans } = this;
    this.lives = spans.filter((span) => span.kind === "life" && this.numbers.has(span.service));
    const faults = spans.filter((span) => span.kind === "fault");
    const dealtFaults = dealt(faults, MOST_ROWS);
    this.faultsHeight = ROW * dealtFaults.used + 8;
    this.heights = this.trace.lanes.map(() => LANE);
    this.bars = faults.map((span, at) => ({ span, row: dealtFaults.rows[at], text: `${span.service}: ${span.text}`, colour: "--fault" }));
    this.stepRows = new Map();
    for (const [lane, name] of this.trace.lanes.entries()) {
      const steps = spans.filter((span) => (span.kind === "step" || span.kind === "request") && span.service === name);
      const { rows, used } = dealt(steps, MOST_ROWS);
      this.heights[lane] = Math.max(LANE, ROW * used + 10);
      for (const [at, span] of steps.entries()) {
        const colour = span.kind === "request" ? "--message" : span.ok === false ? "--bad" : "--step";
        this.bars.push({ span, lane, row: rows[at], text: span.text, colour });
        if (span.kind === "step") for (const moment of [span.start, span.end]) this.stepRows.set(`${lane} ${moment}`, rows[at]);
      }
    }
    this.lanes = stacked(this.heights, AXIS + this.faultsHeight);
  }

  get height() {
    return this.lanes.bottom + 4;
  }

  labelRows() {
    const faults = h("div", { css: { height: `${this.faultsHeight}px` } }, "faults");
    const lanes = this.trace.lanes.map((name, lane) => h("div", { title: name, css: { height: `${this.heights[lane]}px` } }, h("span", {}, name)));
    return [h("div", { css: { height: `${AXIS}px` } }), faults, lanes];
  }

  /** Show another stretch of time. */
  show(stretch) {
    this.stretch = clamped(stretch, this.bounds);
    this.draw();
    this.moved();
  }

  zoom(factor, at = (this.stretch.from + this.stretch.to) / 2) {
    this.show(zoomed(this.stretch, factor, at, this.bounds));
  }

  pan(share) {
    this.show(panned(this.stretch, share, this.bounds));
  }

  select(index) {
    this.selected = index;
    const ns = this.trace.times[index];
    const { from, to } = this.stretch;
    if (index >= 0 && (ns < from || ns > to)) this.stretch = clamped({ from: ns - (to - from) / 2, to: ns + (to - from) / 2 }, this.bounds);
    this.draw();
  }

  at(x) {
    return this.stretch.from + (x / this.canvas.clientWidth) * (this.stretch.to - this.stretch.from);
  }

  x(ns) {
    return ((ns - this.stretch.from) / (this.stretch.to - this.stretch.from)) * this.canvas.clientWidth;
  }

  /** The middle of a lane; events of lanes that have no place of their own are on the last one. */
  y(lane) {
    return this.lanes.middles[Math.min(lane, this.lanes.middles.length - 1)];
  }

  /** Where an event is: a step's beginning and end on its bar, all else in the middle of its lane. */
  yOf(index) {
    const lane = this.trace.lane[index];
    const row = this.stepRows.get(`${lane} ${this.trace.times[index]}`);
    return row === undefined || !this.kinds[this.trace.kind[index]].match(/step|bad/) ? this.y(lane) : this.barTop(lane, row) + (ROW - 6) / 2;
  }

  barTop(lane, row) {
    return lane === undefined ? AXIS + 4 + row * ROW : this.lanes.tops[lane] + 8 + row * ROW;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width) return;
    const dense = globalThis.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * dense);
    this.canvas.height = Math.round(height * dense);
    const paint = this.canvas.getContext("2d");
    paint.scale(dense, dense);
    const style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    paint.font = `11px ${style.getPropertyValue("--sans")}`;
    paint.textBaseline = "middle";
    this.drawAxis(paint, width, height, colour);
    this.drawSpans(paint, width, colour);
    this.drawEvents(paint, colour);
    this.drawSelected(paint, height, colour);
  }

  drawAxis(paint, width, height, colour) {
    const { step, found } = ticks(this.stretch, width, this.showWall ? 150 : 90);
    for (const tick of found) {
      const x = Math.round(this.x(tick)) + 0.5;
      paint.strokeStyle = colour("--line");
      paint.lineWidth = 1;
      line(paint, x, AXIS - 6, x, height);
      paint.fillStyle = colour("--muted");
      const text = this.showWall ? wall(this.trace.shape.start_utc_ms, tick) || relative(tick) : tickText(tick, step);
      paint.fillText(text, x + 4, AXIS / 2);
    }
    paint.strokeStyle = colour("--line");
    for (const top of [...this.lanes.tops, this.lanes.bottom]) line(paint, 0, top + 0.5, width, top + 0.5);
  }

  drawSpans(paint, width, colour) {
    const inView = ({ start, end }) => start <= this.stretch.to && (end ?? Infinity) >= this.stretch.from;
    for (const span of this.lives.filter(inView)) life(paint, span, this.y(this.numbers.get(span.service)), (ns) => this.x(ns), colour, this.bounds);
    for (const { span, lane, row, text, colour: name } of this.bars) {
      if (inView(span)) this.drawAsked(paint, span, lane, row, colour);
      if (inView(span)) bar(paint, this.x(span.start), this.x(span.end ?? this.bounds.to), this.barTop(lane, row), ROW - 6, text, width, colour, name);
    }
  }

  /** The arrows of a request: there, and back. */
  drawAsked(paint, span, lane, row, colour) {
    if (span.kind !== "request" || !this.numbers.has(span.caller)) return;
    const far = this.y(this.numbers.get(span.caller));
    const own = this.barTop(lane, row) + (ROW - 6) / 2;
    paint.fillStyle = paint.strokeStyle = colour("--message");
    arrow(paint, Math.round(this.x(span.start)) + 0.5, far, own);
    if (span.end !== null) arrow(paint, Math.round(this.x(span.end)) + 0.5, own, far);
  }

  drawEvents(paint, colour) {
    const { trace } = this;
    const first = trace.indexAt(this.stretch.from);
    const last = trace.indexAt(this.stretch.to + 1);
    const { from } = this.stretch;
    const width = this.canvas.clientWidth + 1;
    const scale = (width - 1) / (this.stretch.to - from);
    const lanes = trace.lanes.length;
    const strongest = new Int32Array(lanes * width).fill(-1); // the most telling event of every pixel of every lane
    for (let index = first; index < last; index++) {
      const place = Math.min(trace.lane[index], lanes - 1) * width + Math.round((trace.times[index] - from) * scale);
      if (strongest[place] < 0 || trace.kind[index] > trace.kind[strongest[place]]) strongest[place] = index;
    }
    const drawn = [...strongest.filter((index) => index >= 0)].sort((left, right) => trace.kind[left] - trace.kind[right]);
    if (drawn.length <= MOST_ARROWS) for (const index of drawn) this.drawArrow(paint, index, colour);
    for (const index of drawn) {
      const kind = this.kinds[trace.kind[index]];
      paint.fillStyle = paint.strokeStyle = colour(colourOf(kind));
      mark(paint, kind, this.x(trace.times[index]), this.yOf(index));
    }
  }

  drawArrow(paint, index, colour) {
    const { trace } = this;
    if (trace.farOf(index) === null) return;
    const x = Math.round(this.x(trace.times[index])) + 0.5;
    const own = this.yOf(index);
    const far = this.y(trace.far[index]);
    paint.fillStyle = paint.strokeStyle = colour(colourOf(this.kinds[trace.kind[index]]));
    if (trace.arriving[index]) arrow(paint, x, far, own);
    else arrow(paint, x, own, far);
  }

  drawSelected(paint, height, colour) {
    paint.fillStyle = colour("--ink");
    for (const [number, index] of this.deciding.entries()) {
      if (index < 0) continue;
      const x = this.x(this.trace.times[index]);
      paint.beginPath();
      paint.arc(x, AXIS - 1, number === 0 ? 4.5 : 3, 0, 7);
      paint.fill();
    }
    if (this.selected < 0) return;
    const x = Math.round(this.x(this.trace.times[this.selected])) + 0.5;
    paint.strokeStyle = colour("--accent");
    paint.lineWidth = 1.5;
    line(paint, x, 4, x, height);
    paint.beginPath();
    paint.arc(x, this.yOf(this.selected), 10, 0, 7);
    paint.stroke();
  }

  /** The event nearest to a place on the canvas, -1 where none is near. */
  nearest(x, y) {
    const { trace } = this;
    const first = trace.indexAt(this.at(x - NEAR));
    const last = trace.indexAt(this.at(x + NEAR));
    let best = -1, least = Infinity;
    for (let index = first; index < last; index++) {
      const apart = Math.abs(this.x(trace.times[index]) - x) + Math.abs(this.yOf(index) - y) - trace.kind[index] * 0.5;
      if (Math.abs(this.yOf(index) - y) <= LANE / 2 && apart < least) [best, least] = [index, apart];
    }
    return best;
  }

  pressed(event) {
    if (event.button !== 0) return;
    const start = event.offsetX;
    const moving = event.shiftKey;
    const before = { ...this.stretch };
    const pixels = this.canvas.clientWidth;
    this.canvas.setPointerCapture(event.pointerId);
    const move = (now) => {
      if (moving) this.show(panned(before, (start - now.offsetX) / pixels, this.bounds));
      else this.brushed(start, now.offsetX);
    };
    const up = (now) => {
      this.canvas.removeEventListener("pointermove", move);
      this.brush.hidden = true;
      const [from, to] = [Math.min(start, now.offsetX), Math.max(start, now.offsetX)];
      if (to - from < 4) this.clicked(start, now.offsetY);
      else if (!moving) this.show({ from: this.at(from), to: this.at(to) });
    };
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", up, { once: true });
  }

  clicked(x, y) {
    const index = this.nearest(x, y);
    if (index >= 0) this.pick(index);
  }

  brushed(start, now) {
    this.brush.hidden = Math.abs(now - start) < 4;
    this.brush.style.left = `${Math.min(start, now)}px`;
    this.brush.style.width = `${Math.abs(now - start)}px`;
  }

  /** With ctrl or cmd the wheel zooms; sideways it moves; else it scrolls the page, as everywhere. */
  wheeled(event) {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.at(event.offsetX));
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      this.pan(event.deltaX / this.canvas.clientWidth);
    }
  }

  key(event) {
    const acts = { ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2), ArrowUp: () => this.zoom(0.6), ArrowDown: () => this.zoom(1.6) };
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  }
}
