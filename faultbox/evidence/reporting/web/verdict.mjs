// Verdicts as people see them: a word, a shape and a colour, each enough by itself.

import { svg } from "./dom.mjs";

const LOOKS = {
  passed: { word: "PASS", tone: "good", label: "passed" },
  unexercised: { word: "PASS", tone: "doubt", label: "passed, not exercised" },
  failed: { word: "FAIL", tone: "bad", label: "failed" },
  errored: { word: "ERROR", tone: "bad", label: "errored" },
  inconclusive: { word: "INCONCLUSIVE", tone: "doubt", label: "inconclusive" },
  halted: { word: "HALTED", tone: "doubt", label: "halted" },
  none: { word: "NOT RUN", tone: "none", label: "not run" },
};

const SHAPES = {
  passed: [["circle", { cx: 8, cy: 8, r: 7, class: "fill" }], ["path", { d: "M4.6 8.3l2.3 2.3 4.5-4.9", class: "cut" }]],
  unexercised: [["circle", { cx: 8, cy: 8, r: 6, class: "line" }]],
  failed: [["rect", { x: 1, y: 1, width: 14, height: 14, rx: 3, class: "fill" }], ["path", { d: "M5 5l6 6M11 5l-6 6", class: "cut" }]],
  errored: [["path", { d: "M8 1L15.4 14.5H.6z", class: "fill" }], ["path", { d: "M8 6v4M8 12.2v.3", class: "cut" }]],
  inconclusive: [["path", { d: "M8 .8L15.2 8 8 15.2.8 8z", class: "line" }], ["path", { d: "M8 4.8v3.9M8 11v.3", class: "line" }]],
  halted: [["rect", { x: 2, y: 2, width: 12, height: 12, class: "line" }]],
  none: [["path", { d: "M3 8h10", class: "line" }]],
};

const WORST_FIRST = ["failed", "errored", "inconclusive", "halted", "none", "unexercised", "passed"];

/** Which look a case has: its verdict, where passing without any fault is one of its own. */
export function lookOf(aCase) {
  if (!aCase.verdict) return "none";
  return aCase.verdict === "passed" && aCase.exercised === false ? "unexercised" : aCase.verdict;
}

export function wordOf(look) {
  return LOOKS[look].word;
}

export function toneOf(look) {
  return LOOKS[look].tone;
}

export function labelOf(look) {
  return LOOKS[look].label;
}

/** Whether a look calls for attention. */
export function isRed(look) {
  return ["failed", "errored", "inconclusive", "halted"].includes(look);
}

/** The worst of several cases: what one cell shows of all its runs. */
export function worst(cases) {
  return WORST_FIRST.find((look) => cases.some((each) => lookOf(each) === look)) ?? "none";
}

/** The shape of a look, as a picture that says nothing to screen readers: a word stands beside it. */
export function icon(look) {
  const shapes = SHAPES[look].map(([tag, attributes]) => svg(tag, attributes));
  return svg("svg", { class: `icon ${LOOKS[look].tone}`, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, shapes);
}
