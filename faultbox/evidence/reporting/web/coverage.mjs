// Assumptions defined and fired against all that can go wrong with the system's dependencies.

import { h } from "./dom.mjs";
import { count } from "./format.mjs";
import { sourceLink } from "./source.mjs";

const MODES = ["down", "slow", "errors"];
const STATES = { fired: "fired", defined: "defined, never fired", open: "no assumption" };

/** `62%` of possible, whole numbers; nothing of nothing is nothing. */
export function share(part, whole) {
  return whole ? `${Math.round((100 * part) / whole)}%` : "–";
}

/** Whether a way to fail fired somewhere, is only defined, or nobody has thought of it. */
export function state(covers) {
  if (!covers.length) return "open";
  return covers.some((each) => each.fired) ? "fired" : "defined";
}

export function coverage(run) {
  const { coverage: covered } = run;
  if (!covered) return h("p", { class: "muted" }, "This bundle was made by a version that did not write down what the spec declares, so coverage can’t be told.");
  if (!covered.dependencies.length) return h("p", { class: "muted" }, "No service is known to depend on another, or to have files.");
  const head = h("tr", {}, h("th", { scope: "col" }, "dependency"), MODES.map((mode) => h("th", { scope: "col" }, mode)));
  const rows = covered.dependencies.map((each) =>
    h("tr", {}, h("th", { scope: "row" }, name(each)), MODES.map((mode) => cell(each.modes[mode], covered, run))),
  );
  return [
    h("p", {}, h("b", {}, `${covered.defined} of ${covered.possible}`), ` ways to fail have an assumption (${share(covered.defined, covered.possible)}); `, h("b", {}, String(covered.fired)), ` of them fired in this run (${share(covered.fired, covered.possible)}). Half is good, four in five is excellent.`),
    h("div", { class: "scroll" }, h("table", { class: "coverage" }, h("caption", { class: "unseen" }, "Dependencies and the ways in which they can fail"), h("thead", {}, head), h("tbody", {}, rows))),
    covered.elsewhere.length ? h("p", {}, `About no dependency between services (what the driver meets, or other calls): ${covered.elsewhere.join(", ")}.`) : null,
    covered.unused.length ? h("p", {}, `In no case of this run: ${covered.unused.join(", ")}.`) : null,
  ];
}

function name(dependency) {
  return dependency.caller ? [dependency.caller, h("span", { class: "muted" }, " → "), dependency.on] : dependency.on;
}

function cell(covers, covered, run) {
  if (!covers) return h("td", { class: "impossible" }, h("span", { class: "unseen" }, "not possible"));
  const found = state(covers);
  const each = covers.map((cover) => {
    const { position, description } = covered.assumptions[cover.assumption] ?? {};
    const link = position ? sourceLink(position, run.sources) : null;
    if (link) link.replaceChildren(cover.assumption);
    return h("li", { title: description }, link ?? cover.assumption, h("span", { class: "muted" }, cover.fired ? ` fired ${count(cover.fired, "time")}` : " never fired"));
  });
  return h("td", { class: `covered ${found}` }, h("span", { class: "state" }, STATES[found]), each.length ? h("ul", {}, each) : null);
}
