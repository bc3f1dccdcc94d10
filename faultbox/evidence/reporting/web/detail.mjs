// One event, with what services printed around it.

import { h } from "./dom.mjs";
import { relative, wall, what } from "./format.mjs";
import { KIND_WORDS, glyph } from "./marks.mjs";
import { pairs } from "./overview.mjs";
import { excerpt } from "./source.mjs";

const LINES_BEFORE = 8;
const LINES_AFTER = 5;
const FAR = 20_000;

/** The content of the panel for an event of an explorer. */
export async function detail(event, { trace, kinds, run, shape, deciding }) {
  const kind = kinds[trace.kind[event.index]];
  const far = trace.farOf(event.index);
  const between = far && (trace.arriving[event.index] ? `${far} → ${event.service}` : `${event.service} → ${far}`);
  const decided = deciding.indexOf(event.index);
  const utc = wall(trace.shape.start_utc_ms, event.ns);
  const rule = shape.result.rules.find((each) => each.rule === event.fields.rule);
  const place = event.fields.at ?? rule?.position;
  return [
    h("h3", {}, glyph(kind), `${event.service} ${what(event)}`, decided >= 0 ? h("span", { class: "tag" }, decided === 0 ? "decided it, first" : "decided it") : null),
    pairs([["event", `#${event.seq} of ${trace.shape.total.toLocaleString("en")}, ${KIND_WORDS[kind]}`], ["since start", relative(event.ns)], ...(utc ? [["UTC", utc]] : []), ...(between ? [["between", between]] : [])]),
    h("h4", {}, "Fields"),
    pairs(Object.entries(event.fields).filter(([, value]) => value)),
    event.data ? [h("h4", {}, "Data"), h("pre", {}, JSON.stringify(event.data, null, 2))] : [],
    await printedAround(event, trace, kinds),
    place ? [h("h4", {}, "In the spec"), excerpt(place, run.sources) ?? place] : [],
  ].flat();
}

/** The lines of output just before and after an event, of all services. */
async function printedAround(event, trace, kinds) {
  const output = kinds.indexOf("output");
  const before = near(trace, event.index, -1, LINES_BEFORE, output).reverse();
  const after = near(trace, event.index, 1, LINES_AFTER, output);
  if (!before.length && !after.length) return [];
  const lines = await Promise.all([...before, ...after].map((index) => trace.event(index)));
  const line = (each) => h("div", { class: "log-line" }, h("span", { class: "muted" }, `${relative(each.ns - event.ns)} ${each.service}`), " ", each.fields.raw ?? rest(each));
  const now = h("div", { class: "now" }, "this event");
  return [h("h4", {}, "Printed around it"), h("div", { class: "around" }, lines.slice(0, before.length).map(line), now, lines.slice(before.length).map(line))];
}

function rest(event) {
  return Object.entries(event.fields).map(([name, value]) => `${name}=${value}`).join(" ");
}

function near(trace, from, step, most, kind) {
  const found = [];
  for (let index = from + step, looked = 0; index >= 0 && index < trace.length && found.length < most && looked < FAR; index += step, looked++) {
    if (trace.kind[index] === kind) found.push(index);
  }
  return found;
}
