// How events look on a timeline. Every kind has a shape of its own, so that none is told by colour alone.

import { svg } from "./dom.mjs";

export const KIND_WORDS = {
  bad: "failed",
  fault: "met a fault",
  scope: "faults armed and disarmed",
  step: "steps",
  life: "services",
  message: "messages",
  call: "calls",
  output: "output",
  other: "other",
};

const GLYPHS = {
  bad: ["path", { d: "M2.5 2.5l7 7M9.5 2.5l-7 7", class: "line" }],
  fault: ["path", { d: "M6 .5L11.5 6 6 11.5.5 6z", class: "fill" }],
  scope: ["path", { d: "M6 1v10", class: "line" }],
  step: ["path", { d: "M2.5 1.5L10.5 6l-8 4.5z", class: "fill" }],
  life: ["rect", { x: 2, y: 2, width: 8, height: 8, class: "line" }],
  message: ["circle", { cx: 6, cy: 6, r: 4, class: "line" }],
  call: ["circle", { cx: 6, cy: 6, r: 2.6, class: "fill" }],
  output: ["path", { d: "M1.5 3.5h9M1.5 6h9M1.5 8.5h5", class: "line" }],
  other: ["rect", { x: 4, y: 4, width: 4, height: 4, class: "fill" }],
};

/** A kind's shape beside text, as it is on the timeline. */
export function glyph(kind) {
  const [tag, attributes] = GLYPHS[kind];
  return svg("svg", { class: "glyph", viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true", css: { color: `var(${colourOf(kind)})` } }, svg(tag, attributes));
}

/** The custom property that holds a kind's colour. */
export function colourOf(kind) {
  return { bad: "--bad", fault: "--fault", scope: "--scope", step: "--step", life: "--life", message: "--message" }[kind] ?? "--muted";
}

/** Draw one event; `paint` is a 2d context whose fill and stroke are set. */
export function mark(paint, kind, x, y) {
  paint.beginPath();
  if (kind === "bad") {
    paint.moveTo(x - 5, y - 5);
    paint.lineTo(x + 5, y + 5);
    paint.moveTo(x + 5, y - 5);
    paint.lineTo(x - 5, y + 5);
    paint.lineWidth = 3;
    paint.stroke();
  } else if (kind === "fault") {
    polygon(paint, [[x, y - 6], [x + 6, y], [x, y + 6], [x - 6, y]]);
  } else if (kind === "scope") {
    paint.fillRect(x - 1, y - 8, 2, 16);
  } else if (kind === "step") {
    polygon(paint, [[x - 4, y - 5], [x + 5, y], [x - 4, y + 5]]);
  } else if (kind === "life") {
    paint.lineWidth = 1.5;
    paint.strokeRect(x - 4, y - 4, 8, 8);
  } else if (kind === "message") {
    paint.arc(x, y, 4, 0, 7);
    paint.lineWidth = 1.5;
    paint.stroke();
  } else if (kind === "call") {
    paint.arc(x, y, 2.5, 0, 7);
    paint.fill();
  } else if (kind === "output") {
    paint.fillRect(x - 0.75, y + 3, 1.5, 6);
  } else {
    paint.fillRect(x - 2, y - 2, 4, 4);
  }
}

/** An arrow from one lane to another; its head is at the second. */
export function arrow(paint, x, from, to) {
  const tip = to > from ? -4 : 4;
  paint.lineWidth = 1;
  paint.beginPath();
  paint.moveTo(x, from);
  paint.lineTo(x, to);
  paint.stroke();
  paint.beginPath();
  polygon(paint, [[x, to], [x - 3, to + tip * 1.6], [x + 3, to + tip * 1.6]]);
}

function polygon(paint, points) {
  paint.moveTo(...points[0]);
  for (const point of points.slice(1)) paint.lineTo(...point);
  paint.closePath();
  paint.fill();
}
