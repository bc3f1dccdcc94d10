// One case: what came out and why, its timeline, and the panels.

import { waterfall } from "./causes.mjs";
import { copyable, h } from "./dom.mjs";
import { Explorer } from "./explorer.mjs";
import { count, describe, duration, relative, what } from "./format.mjs";
import { pairs, section, title } from "./overview.mjs";
import { panels } from "./panels.mjs";
import { json } from "./payload.mjs";
import { excerpt, sourceLink } from "./source.mjs";
import { Trace } from "./trace.mjs";
import { icon, lookOf, toneOf, wordOf } from "./verdict.mjs";

/** The page of a case, and its explorer (null where the case has no events). `wanted` is an event to show first. */
export async function casePage(aCase, run, wanted) {
  const shape = await json(`case-${aCase.number}`);
  const trace = await Trace.open(aCase.number, shape.trace);
  const remember = (index) => history.replaceState(null, "", `#case/${aCase.number}/${index}`); // for links and going back
  const explorer = trace.length ? new Explorer(trace, shape, run, remember) : null;
  const content = [
    header(aCase, shape, run),
    why(aCase, shape, run, explorer),
    explorer ? section("Timeline", explorer.element) : section("Timeline", h("p", { class: "muted" }, "This case has no events.")),
    panels(shape, run),
  ];
  return { content, explorer, begin: () => explorer?.begin(wanted) };
}

function header(aCase, { result, replay, left_out: left }, run) {
  const look = lookOf(aCase);
  const exercised = { true: "yes", false: "no: none of its faults fired" }[aCase.exercised];
  const rows = [
    ["case", aCase.id],
    ["took", `${duration(result.duration_ms)}, its world ${duration(result.world_ms)}`],
    ...(exercised ? [["exercised", exercised]] : []),
    ["seed", `${run.seed}, of this case ${aCase.seed}`],
    ...runs(aCase, run),
    ["declared", sourceLink(aCase.position, run.sources)],
    ...(result.run_delay > 0.05 ? [["waited for a processor", `${Math.round(result.run_delay * 100)}% of the time`]] : []),
  ];
  return h(
    "section",
    { class: "case-head" },
    h("h1", {}, h("span", {}, icon(look), title(aCase)), h("span", { class: `tag ${toneOf(look)}` }, aCase.exercised === false ? `${wordOf(look)}, not exercised` : wordOf(look))),
    result.reason ? h("p", { class: `reason ${toneOf(look)}` }, result.reason, result.code && aCase.verdict !== "failed" ? h("span", { class: "muted" }, `  ${result.code}`) : null) : null,
    pairs(rows),
    h("p", {}, copyable(replay)),
    [...result.notes, ...left.map((each) => `Not in this page: ${each}.`)].map((note) => h("p", { class: "note" }, note)),
  );
}

/** The other runs of the same case, where there are any. */
function runs(aCase, run) {
  const same = run.cases.filter((each) => each.id === aCase.id && each.verdict);
  if (same.length < 2) return [];
  const links = same.map((each) => (each === aCase ? h("b", {}, icon(lookOf(each)), String(each.run)) : h("a", { href: `#case/${each.number}`, "aria-label": `run ${each.run}: ${wordOf(lookOf(each))}` }, icon(lookOf(each)), String(each.run))));
  return [["runs", h("span", { class: "runs" }, links)]];
}

function why(aCase, shape, run, explorer) {
  const { result } = shape;
  if (aCase.verdict === "passed" && !result.prints.length) return null;
  const frames = result.traceback.map((frame) => excerpt(frame.position, run.sources, frame.start, frame.end) ?? h("pre", { class: "source" }, `${frame.position}\n${frame.text}`));
  const prints = result.prints.length ? [h("h3", {}, "Printed by the spec"), h("pre", {}, result.prints.join("\n"))] : null;
  const events = result.deciding.length ? [h("h3", {}, "Events that decided it"), h("ol", { class: "deciding-list" }, result.deciding.map((each, number) => decided(each, number, shape, run, explorer)))] : null;
  if (!frames.length && !prints && !events) return null;
  const tree = result.causes && waterfall(result.causes, (from, to) => explorer?.look(from * 1e6, to * 1e6));
  const about = new Set(result.deciding.map((each) => each.service));
  const ends = Object.entries(result.logs).filter(([, lines]) => lines.length).map(([service, lines]) => end(service, lines, about.has(service)));
  const declared = frames.length ? null : excerpt(aCase.position, run.sources);
  return section("Why", frames, events, tree ? [h("h3", {}, "What the step caused"), tree] : null, prints, ends.length ? [h("h3", {}, "Ends of logs"), ends] : null, declared ? [h("h3", {}, "Where the case is declared"), declared] : null);
}

function end(service, lines, open) {
  return h("details", { class: "log", open }, h("summary", {}, h("b", {}, service), h("span", { class: "muted" }, ` last ${count(lines.length, "line")}`)), h("pre", { tabindex: 0 }, lines.join("\n")));
}

function decided(event, number, shape, run, explorer) {
  const index = shape.deciding[number];
  const times = event.times > 1 ? ` (${event.times} times)` : "";
  const text = [h("span", { class: "muted" }, `#${event.seq} ${relative(event.ms * 1e6)} `), h("b", {}, `${event.service} ${what(event)}`), ` ${describe(event, run.words)}${times}`];
  if (index < 0 || !explorer) return h("li", {}, text, h("span", { class: "muted" }, " (not among the events of this page)"));
  return h("li", {}, h("button", { type: "button", class: "event", on: { click: () => explorer.select(index) } }, text));
}
