// What a case has beside its timeline: rules, logs, files, and what was counted without being asked for.

import { copyable, h } from "./dom.mjs";
import { count, duration, size } from "./format.mjs";
import { section } from "./overview.mjs";
import { sourceLink } from "./source.mjs";

/** The sections of a case, those that it has something for. A new one is a function in this list. */
export function panels(shape, run) {
  return [rules, logs, files, captures, observed].map((panel) => panel(shape, run)).filter(Boolean);
}

function rules({ result }, run) {
  if (!result.rules.length) return null;
  const rows = result.rules.map((rule) =>
    h("tr", { class: rule.counts.fired ? "" : "silent" }, [
      h("th", { scope: "row" }, ruleText(rule), rule.label ? h("span", { class: "tag" }, rule.label) : null, h("div", { class: "muted" }, rule.assumption || rule.rule, " ", sourceLink(rule.position, run.sources))),
      ["seen", "matched", "fired"].map((name) => h("td", { class: `number ${name}` }, rule.counts[name].toLocaleString("en"))),
      h("td", {}, remarks(rule).map((text) => h("div", { class: "muted" }, text))),
    ]),
  );
  const head = ["rule", "seen", "matched", "fired", ""].map((name) => h("th", { scope: "col" }, name));
  return section("Rules", h("div", { class: "scroll" }, h("table", { class: "plain rules" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))));
}

/** `cache: connect=deny(ECONNREFUSED) (calls of api)`, as the console says it. */
export function ruleText(rule) {
  const done = rule.action.startsWith(`${rule.keyword}(`) ? rule.action : `${rule.keyword}=${rule.action}`;
  return `${rule.target}: ${done}${rule.service === rule.target ? "" : ` (calls of ${rule.service})`}`;
}

function remarks(rule) {
  const misses = rule.counts.fired ? [] : rule.misses.map((each) => `closest: ${each}`);
  const left = rule.action.startsWith(`${rule.keyword}(`) ? "left as it was" : "without a known path";
  const unresolved = rule.counts.unresolved ? [`${rule.counts.unresolved} ${left}`] : [];
  return [...unresolved, ...misses, ...rule.notes];
}

function logs({ logs: all }) {
  const said = all.filter((log) => log.text);
  if (!said.length) return null;
  return section("Logs", said.map((log) => {
    const lines = log.text.replace(/\n$/, "").split("\n").length;
    const cut = log.before ? `, without the ${size(log.before)} before them` : "";
    return h("details", { class: "log" }, h("summary", {}, h("b", {}, log.name), h("span", { class: "muted" }, ` ${count(lines, "line")}${cut}`)), h("pre", { tabindex: 0 }, log.text));
  }));
}

function files({ files: all }) {
  if (!all.length) return null;
  const rows = all.map((each) => h("tr", {}, h("th", { scope: "row", class: "path" }, String(each.path ?? "")), h("td", {}, String(each.kind ?? "")), h("td", { class: "number" }, each.kind === "directory" ? "" : size(Number(each.size ?? 0)))));
  const head = ["path", "kind", "size"].map((name) => h("th", { scope: "col" }, name));
  return section("Files it wrote", h("div", { class: "scroll" }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows))));
}

/** Packets are for Wireshark and its like: the page says where they are. */
function captures({ captures: all, extract }) {
  if (!all.length) return null;
  return section("Captures", h("ul", { class: "files" }, all.map((each) => h("li", {}, h("code", {}, each.name), h("span", { class: "muted" }, ` ${size(each.size)}`)))), h("p", {}, "They are in the bundle; this lays them out: ", copyable(extract)));
}

const OBSERVED = { calls: "System calls", files: "Files", connections: "Connections" };

/** What the kernel counted: a table each, whatever columns it has. */
function observed({ result: { observed: found } }) {
  if (!found) return null;
  const tables = Object.entries(OBSERVED).filter(([name]) => found[name].length);
  const lost = Object.entries(found.lost).filter(([, number]) => number);
  if (!tables.length && !lost.length) return null;
  return section(
    "Observed",
    lost.length ? h("p", { class: "doubt" }, `Lost, so not in these numbers: ${lost.map(([name, number]) => `${number} of ${name}`).join(", ")}`) : null,
    tables.map(([name, label]) => h("details", { class: "log" }, h("summary", {}, h("b", {}, label), h("span", { class: "muted" }, ` ${count(found[name].length, "row")}`)), anyTable(found[name]))),
  );
}

function anyTable(rows) {
  const names = Object.keys(rows[0]).filter((name) => typeof rows[0][name] !== "object");
  const body = rows.map((row) => h("tr", {}, names.map((name) => h("td", { class: typeof row[name] === "number" ? "number" : "" }, valueText(name, row[name])))));
  return h("div", { class: "scroll" }, h("table", { class: "plain" }, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name.replace(/_ns$/, "").replaceAll("_", " "))))), h("tbody", {}, body)));
}

/** A number with the unit that its column's name tells. */
export function valueText(name, value) {
  if (value === null || value === undefined) return "";
  if (typeof value !== "number") return String(value);
  if (name.endsWith("_ns")) return value < 1e6 ? `${(value / 1e3).toFixed(1)}µs` : duration(value / 1e6);
  if (name.startsWith("bytes_")) return size(value);
  return name === "port" ? String(value) : value.toLocaleString("en");
}
