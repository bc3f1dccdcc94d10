// Swim lanes: time from left to right, a lane for the faults, the driver and every service.

import { h } from "./dom.mjs";
import { relative, wall } from "./format.mjs";
import { arrow, colourOf, mark } from "./marks.mjs";
import { clamped, panned, tickText, ticks, zoomed } from "./scale.mjs";

const AXIS = 26;
const LANE = 34;
const FAULTS = 24;
const MOST_ARROWS = 400;
const NEAR = 9;

export class Timeline {
  /** `pick(index)` is told of the event that was clicked, `moved()` when another stretch is shown. */
  constructor(trace, kinds, { pick, moved }) {
    const lasting = trace.shape.spans.filter((span) => span.kind === "fault").length;
    Object.assign(this, { trace, kinds, pick, moved, selected: -1, deciding: [], showWall: false });
    this.rowsOfFaults = Math.min(Math.max(lasting, 1), 4);
    this.bounds = trace.bounds;
    this.stretch = { ...this.bounds };
    this.numbers = new Map(trace.lanes.map((name, number) => [name, number]));
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

  get faultsHeight() {
    return FAULTS * this.rowsOfFaults + 8;
  }

  get height() {
    return AXIS + this.faultsHeight + LANE * this.trace.lanes.length + 4;
  }

  labelRows() {
    const faults = h("div", { css: { height: `${this.faultsHeight}px` } }, "faults");
    const lanes = this.trace.lanes.map((name) => h("div", { title: name, css: { height: `${LANE}px` } }, h("span", {}, name)));
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

  y(lane) {
    return AXIS + this.faultsHeight + (Math.min(lane, this.trace.lanes.length - 1) + 0.5) * LANE;
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
    for (let lane = 0; lane <= this.trace.lanes.length; lane++) {
      const y = Math.round(AXIS + this.faultsHeight + lane * LANE) + 0.5;
      line(paint, 0, y, width, y);
    }
  }

  drawSpans(paint, width, colour) {
    const free = new Array(this.rowsOfFaults).fill(-Infinity);
    for (const span of this.trace.shape.spans) {
      const from = this.x(span.start);
      const to = this.x(span.end ?? this.bounds.to);
      if (span.kind === "fault") {
        const row = Math.max(free.findIndex((end) => end <= span.start), 0);
        free[row] = span.end ?? Infinity;
        const text = `${span.service}: ${span.text}`;
        if (to >= 0 && from <= width) bar(paint, from, to, AXIS + 4 + row * FAULTS, FAULTS - 4, text, width, colour, "--fault");
      } else if (to >= 0 && from <= width && this.numbers.has(span.service)) {
        const y = this.y(this.numbers.get(span.service));
        if (span.kind === "step") bar(paint, from, to, y - 9, 18, span.text, width, colour, span.ok === false ? "--bad" : "--step");
        else life(paint, span, y, (ns) => this.x(ns), colour, this.bounds);
      }
    }
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
      mark(paint, kind, this.x(trace.times[index]), this.y(trace.lane[index]));
    }
  }

  drawArrow(paint, index, colour) {
    const { trace } = this;
    if (trace.farOf(index) === null) return;
    const x = Math.round(this.x(trace.times[index])) + 0.5;
    const own = this.y(trace.lane[index]);
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
    paint.arc(x, this.y(this.trace.lane[this.selected]), 10, 0, 7);
    paint.stroke();
  }

  /** The event nearest to a place on the canvas, -1 where none is near. */
  nearest(x, y) {
    const { trace } = this;
    const first = trace.indexAt(this.at(x - NEAR));
    const last = trace.indexAt(this.at(x + NEAR));
    let best = -1, least = Infinity;
    for (let index = first; index < last; index++) {
      const apart = Math.abs(this.x(trace.times[index]) - x) + Math.abs(this.y(trace.lane[index]) - y) - trace.kind[index] * 0.5;
      if (Math.abs(this.y(trace.lane[index]) - y) <= LANE / 2 && apart < least) [best, least] = [index, apart];
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

function line(paint, x1, y1, x2, y2) {
  paint.beginPath();
  paint.moveTo(x1, y1);
  paint.lineTo(x2, y2);
  paint.stroke();
}

/** Something that lasts, with its text as far as there is room. */
function bar(paint, from, to, y, height, text, width, colour, name) {
  const left = Math.max(from, -4);
  const right = Math.max(Math.min(to, width + 4), left + 2);
  paint.fillStyle = paint.strokeStyle = colour(name);
  paint.globalAlpha = 0.16;
  paint.beginPath();
  paint.roundRect(left, y, right - left, height, 3);
  paint.fill();
  paint.globalAlpha = 0.7;
  paint.lineWidth = 1;
  paint.stroke();
  paint.globalAlpha = 1;
  const inside = Math.max(left, 0) + 10;
  const room = right - inside - 4;
  if (room < 24) return;
  paint.save();
  paint.beginPath();
  paint.rect(inside, y, room, height);
  paint.clip();
  paint.fillStyle = colour("--ink");
  paint.fillText(text, inside, y + height / 2 + 0.5);
  paint.restore();
}

/** A service's life: thin until it is ready, then thick. */
function life(paint, span, y, x, colour, bounds) {
  const end = x(span.end ?? bounds.to);
  const ready = Math.min(x(span.ready ?? span.end ?? bounds.to), end);
  paint.fillStyle = colour("--life");
  paint.globalAlpha = 0.22;
  paint.fillRect(x(span.start), y - 0.5, ready - x(span.start), 1);
  paint.fillRect(ready, y - 2, end - ready, 4);
  paint.globalAlpha = 1;
}
