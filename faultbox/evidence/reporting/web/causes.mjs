// What the step that decided a case has caused: requests within requests, as far as they are known.

import { h } from "./dom.mjs";
import { count } from "./format.mjs";

const MOST = 2_000;

/** A tree's requests, the step itself first, each before what it asked for: with `depth`, and times in ms or null. */
export function flat(tree) {
  const found = [];
  const walk = (node, depth) => {
    if (!node || typeof node !== "object" || found.length >= MOST) return;
    found.push(plain(node, depth));
    for (const each of listOf(node.requests)) walk(each, depth + 1);
  };
  walk(tree, 0);
  return found;
}

/** They as what lasts on a timeline; those of the driver are steps, which are there already. */
export function spans(tree) {
  return flat(tree)
    .filter((each) => each.depth > 0 && each.at !== null)
    .map((each) => ({ kind: "request", service: each.service, caller: each.caller, text: `for ${each.caller || "somebody"}`, start: each.at * 1e6, end: each.total === null ? null : (each.at + each.total) * 1e6 }));
}

/** A row for each request, with a bar where in the step it was; `show(fromMs, toMs)` looks at it on the timeline. */
export function waterfall(tree, show) {
  const requests = flat(tree);
  const [step] = requests;
  if (!step || step.at === null) return null;
  const whole = step.total || Math.max(...requests.map((each) => each.at + (each.total ?? 0) - step.at)) || 1;
  return h("ol", { class: "waterfall" }, requests.map((each) => row(each, step, whole, show)));
}

function row(each, step, whole, show) {
  const from = (each.at ?? step.at) - step.at;
  const total = each.total ?? whole - from;
  const shares = { "--from": `${clamp((100 * from) / whole)}%`, "--share": `${clamp((100 * total) / whole)}%` };
  const times = [each.total === null ? "no answer" : `${each.total}ms`, each.waiting ? `${each.waiting}ms of them waiting for others` : null];
  const among = Object.entries(each.possible).map(([service, number]) => `${number} to ${service || "an unknown service"}`);
  return h("li", { css: { "--depth": String(Math.min(each.depth, 12)) } }, [
    h("button", { type: "button", class: "event", "aria-label": `${each.name}, ${times[0]}: show on the timeline`, on: { click: () => show(each.at ?? step.at, (each.at ?? step.at) + total) } }, h("b", {}, each.name), each.detail ? ` ${each.detail}` : null),
    h("span", { class: "muted" }, times.filter(Boolean).join(", ")),
    h("span", { class: each.total === null ? "span open" : "span", css: shares }),
    each.did.length || among.length ? h("span", { class: "did" }, each.did.map(([text, number]) => h("code", {}, number > 1 ? `${text} (${count(number, "time")})` : text)), among.length ? h("span", { class: "muted" }, `not known whether for this or something else: ${among.join(", ")}`) : null) : null,
  ]);
}

/** A node of the tree with every part of the type that it should have; a bundle may be anybody's. */
function plain(node, depth) {
  const step = depth === 0 && node.step !== undefined;
  const own = node.service === "(edge)" ? "answered by the proxy" : textOf(node.service) || "an unknown service";
  const name = step ? `step ${textOf(node.step)}` : own;
  const detail = step ? [node.target, node.method, node.summary].map(textOf) : [node.proxied === true && "through its proxy", node.merged === true && "requests that overlap"];
  const did = listOf(node.did).filter((each) => Array.isArray(each)).map(([text, number]) => [textOf(text), numberOf(number) ?? 1]);
  const possible = Object.fromEntries(Object.entries(Object(Object(node.possible).requests)).map(([service, number]) => [service, numberOf(number) ?? 0]));
  return { depth, name, detail: detail.filter(Boolean).join(step ? " " : ", "), did, possible, service: textOf(node.service), caller: textOf(node.caller), at: numberOf(node.at_ms), total: numberOf(node.total_ms), waiting: numberOf(node.waiting_ms) };
}

function listOf(value) {
  return Array.isArray(value) ? value : [];
}

function textOf(value) {
  return typeof value === "string" ? value : "";
}

function numberOf(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function clamp(share) {
  return Math.min(Math.max(share, 0), 100).toFixed(2);
}
