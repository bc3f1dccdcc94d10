// The run as a whole: what came out, the matrix, what went wrong, what was not asked, and where it ran.

import { coverage } from "./coverage.mjs";
import { copyable, h } from "./dom.mjs";
import { count, duration } from "./format.mjs";
import { legend, matrices, table } from "./matrix.mjs";
import { sourceLink } from "./source.mjs";
import { icon, isRed, labelOf, lookOf, toneOf, wordOf } from "./verdict.mjs";

export function overview(run) {
  const grids = matrices(run);
  const red = run.cases.filter((each) => isRed(lookOf(each)));
  const rest = run.cases.filter((each) => each.matrix < 0);
  return [
    summary(run),
    alerts(run),
    grids.map((each) => section(grids.length > 1 ? `Matrix ${each.number + 1}` : "Matrix", table(each), legend([...each.cells.values()].flat()))),
    red.length ? section("What went wrong", h("ul", { class: "cards" }, red.map(card))) : null,
    rest.length ? section(grids.length ? "Cases beside the matrix" : "Cases", list(rest)) : null,
    section("Coverage", coverage(run)),
    section("The run", facts(run)),
  ];
}

function summary(run) {
  const looks = new Map();
  for (const each of run.cases) looks.set(lookOf(each), (looks.get(lookOf(each)) ?? 0) + 1);
  const order = ["failed", "errored", "inconclusive", "halted", "passed", "unexercised", "none"];
  const pills = order.filter((look) => looks.has(look)).map((look) => h("li", { class: toneOf(look) }, icon(look), h("b", {}, String(looks.get(look))), ` ${labelOf(look)}`));
  return h(
    "section",
    { class: "summary" },
    h("h1", {}, run.spec.root.split("/").pop()),
    h("ul", { class: "pills", "aria-label": "Verdicts" }, pills),
    h("p", { class: "muted" }, `${started(run)} · ${duration(run.outcome.duration_ms)} · seed ${run.seed}`),
    h("p", {}, copyable(`faultbox replay ${shellWord(run.bundle)}`)),
  );
}

function alerts(run) {
  const { outcome } = run;
  const rows = [
    run.complete === false && !outcome.errors.length ? ["bad", "The run was killed before it was over: what follows is what it left."] : null,
    outcome.interrupted ? ["doubt", "The run was interrupted."] : null,
    ...outcome.errors.map((text) => ["bad", text]),
    ...outcome.dead.map((each) => ["bad", [h("b", {}, each.name), " is a dead assumption: it fired in no case. ", closest(each), " ", sourceLink(each.position, run.sources)]]),
    ...outcome.warnings.map((text) => ["doubt", text]),
  ].filter(Boolean);
  if (run.left_out.length) rows.push(["doubt", h("details", {}, h("summary", {}, `Not all of the bundle is in this page: ${count(run.left_out.length, "thing")} left out`), h("ul", {}, run.left_out.map((each) => h("li", {}, each))))]);
  return rows.length ? h("ul", { class: "alerts" }, rows.map(([tone, text]) => h("li", { class: tone }, text))) : null;
}

function closest(dead) {
  const misses = dead.rules.flatMap((rule) => rule.misses);
  return misses.length ? `Closest: ${misses.slice(0, 3).join("; ")}.` : "";
}

function card(aCase) {
  const look = lookOf(aCase);
  return h("li", { class: `card ${toneOf(look)}` }, h("a", { href: `#case/${aCase.number}` }, icon(look), h("b", {}, title(aCase)), h("span", { class: "tag" }, wordOf(look))), h("p", {}, aCase.reason));
}

/** What people call a case: `place_order × disk_full`, else its id. */
export function title(aCase) {
  const name = aCase.matrix >= 0 ? `${aCase.row} × ${aCase.column}` : aCase.id;
  return aCase.run > 1 ? `${name} (run ${aCase.run})` : name;
}

function list(cases) {
  const rows = cases.map((each) => {
    const look = lookOf(each);
    const name = each.verdict ? h("a", { href: `#case/${each.number}` }, title(each)) : title(each);
    return h("tr", {}, h("td", { class: `verdict ${toneOf(look)}` }, icon(look), h("b", {}, wordOf(look))), h("th", { scope: "row" }, name), h("td", {}, each.kind.replace("_", " ")), h("td", { class: "number" }, each.verdict ? duration(each.duration_ms) : ""), h("td", {}, each.reason));
  });
  const head = ["verdict", "case", "kind", "took", "reason"].map((name) => h("th", { scope: "col" }, name));
  return h("div", { class: "scroll" }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}

function facts(run) {
  const { environment, options } = run;
  const rows = [
    ["bundle", run.bundle],
    ["spec", run.spec.original],
    ["seed", `${run.seed} (${run.seed_origin})`],
    ["Faultbox", run.faultbox],
    ...Object.entries(environment).filter(([name, value]) => name !== "faultbox" && typeof value !== "object"),
    ...Object.entries(options ?? {}).filter(asked).map(([name, value]) => [`asked for: ${name}`, Array.isArray(value) ? value.join(", ") : value]),
  ];
  const files = Object.keys(run.sources).map((name) => h("li", {}, h("a", { href: `#source/${encodeURIComponent(name)}/1` }, name.replace(/^spec\//, ""))));
  return [pairs(rows), h("h3", {}, "Files of the spec"), h("ul", { class: "files" }, files)];
}

/** Whether an option is another than it is by itself. */
function asked([name, value]) {
  const usual = { runs: 1, control: true }[name];
  return value !== usual && value !== null && value !== false && value?.length !== 0;
}

/** Names with their values. */
export function pairs(rows) {
  return h("dl", { class: "pairs" }, rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, typeof value === "object" && value !== null ? value : String(value)))));
}

export function section(heading, ...content) {
  return h("section", {}, h("h2", {}, heading), content);
}

function started(run) {
  return String(run.started ?? "").replace("T", " ").replace("Z", " UTC");
}

/** As a POSIX shell takes a word. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}
