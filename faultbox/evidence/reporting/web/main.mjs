// The page: which view is shown, the keys, the theme.

import { casePage } from "./casepage.mjs";
import { h, say } from "./dom.mjs";
import { overview, section, title } from "./overview.mjs";
import { json } from "./payload.mjs";
import { whole } from "./source.mjs";
import { icon, isRed, labelOf, lookOf } from "./verdict.mjs";

const KEYS = [
  ["/", "search the events"],
  ["j, k", "next event, event before"],
  ["n, p", "next event that decided the case, the one before"],
  ["+, −, 0", "zoom in, zoom out, the scenario"],
  ["← →, ↑ ↓", "on the timeline: move, zoom"],
  ["[, ]", "case before, next case"],
  ["Escape", "leave the search; back to the run"],
  ["?", "these keys"],
];

const main = document.getElementById("main");
const dialog = document.getElementById("help");
const DARK = matchMedia("(prefers-color-scheme: dark)");
let run, page = null, shown = 0;

async function start() {
  run = await json("run");
  document.getElementById("top").append(...bar());
  dialog.append(h("h2", {}, "Keys"), h("dl", { class: "keys" }, KEYS.map(([keys, text]) => h("div", {}, h("dt", {}, h("kbd", {}, keys)), h("dd", {}, text)))), h("form", { method: "dialog" }, h("button", {}, "Close")));
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the fragment says which view is shown
    main.focus();
  });
  DARK.addEventListener("change", () => show(DARK.matches));
  addEventListener("hashchange", route);
  addEventListener("keydown", pressed);
  await route();
}

function bar() {
  return [
    h("a", { href: "#", class: "brand" }, h("b", {}, "Faultbox"), h("span", {}, run.spec.root.split("/").pop())),
    h("nav", { "aria-label": "Cases", id: "steps" }),
    h("span", { class: "tools" }, h("button", { type: "button", class: "quiet", "aria-label": "Light or dark", title: "Light or dark", on: { click: switchTheme } }, "◐"), h("button", { type: "button", class: "quiet", "aria-label": "Keys", title: "Keys", on: { click: () => dialog.showModal() } }, "?")),
  ];
}

/** `#case/5`, `#case/5/17` (an event), `#source/spec%2Fa.star/12`; anything else is the run. */
async function route() {
  const number = (shown += 1);
  const [view, first, second] = location.hash.slice(1).split("/");
  const aCase = view === "case" ? run.cases.find((each) => String(each.number) === first && each.verdict) : null;
  const name = view === "source" ? decodeURIComponent(first ?? "") : null;
  let next = { content: overview(run), explorer: null, begin: () => {} };
  if (aCase) next = await casePage(aCase, run, second === undefined ? undefined : Number(second));
  else if (name && run.sources[name]) next = sourcePage(name, Number(second));
  if (number !== shown) return;
  page = next;
  main.replaceChildren(...[next.content].flat(Infinity).filter(Boolean));
  document.getElementById("steps").replaceChildren(...(aCase ? steps(aCase) : []));
  document.title = `${aCase ? `${title(aCase)}: ${labelOf(lookOf(aCase))}` : run.spec.root.split("/").pop()} · Faultbox`;
  scrollTo(0, 0);
  main.dataset.view = aCase ? `case/${aCase.number}` : name ? "source" : "run";
  next.begin();
  if (name) document.getElementById("here")?.scrollIntoView({ block: "center" });
  if (number > 1) main.focus({ preventScroll: true });
  say(document.title);
}

function sourcePage(name, line) {
  const source = run.sources[name];
  const cut = source.left_out ? h("p", { class: "note" }, `The last ${source.left_out} bytes are left out.`) : null;
  return { content: section(name.replace(/^spec\//, ""), whole(source.text, line), cut), explorer: null, begin: () => {} };
}

/** Links to the cases around one, and to the red ones. */
function steps(aCase) {
  const [before, after] = neighbours(aCase, () => true);
  const [, red] = neighbours(aCase, (each) => isRed(lookOf(each)));
  const link = (each, text, label) => (each ? h("a", { href: `#case/${each.number}`, title: title(each), "aria-label": `${label}: ${title(each)}` }, text) : h("span", { class: "muted" }, text));
  return [h("a", { href: "#" }, "All cases"), link(before, "← before", "Case before"), link(after, "next →", "Next case"), red ? h("a", { href: `#case/${red.number}`, title: title(red) }, icon(lookOf(red)), "next red") : null].filter(Boolean);
}

function neighbours(aCase, wanted) {
  const cases = run.cases.filter((each) => each.verdict && wanted(each));
  return [cases.findLast((each) => each.number < aCase.number), cases.find((each) => each.number > aCase.number)];
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const typing = event.target.matches("input, textarea, select");
  if (event.key === "Escape") return leave(typing, event.target);
  if (typing) return;
  const explorer = page?.explorer;
  const acts = { "?": () => dialog.showModal(), "[": () => go(0), "]": () => go(1) };
  if (explorer) {
    Object.assign(acts, {
      "/": () => document.getElementById("search").focus(),
      j: () => explorer.move(1),
      k: () => explorer.move(-1),
      n: () => explorer.jump(1),
      p: () => explorer.jump(-1),
      "+": () => explorer.timeline.zoom(0.5),
      "-": () => explorer.timeline.zoom(2),
      0: () => explorer.timeline.show(explorer.scenario()),
    });
  }
  const act = acts[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function leave(typing, field) {
  if (typing) {
    field.value = "";
    page?.explorer?.refilter();
    field.blur();
  } else if (location.hash.length > 1) location.hash = "";
}

function go(direction) {
  const aCase = run.cases.find((each) => main.dataset.view === `case/${each.number}`);
  const next = aCase && neighbours(aCase, () => true)[direction];
  if (next) location.hash = `case/${next.number}`;
}

/** The dark theme or the light one. */
function show(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  page?.explorer?.timeline.draw();
}

function switchTheme() {
  show(document.documentElement.dataset.theme !== "dark");
}

show(DARK.matches);
start().catch((error) => {
  main.replaceChildren(h("p", { class: "failure bad" }, `This report can't be shown: ${error.message}`), h("p", {}, "It needs a browser of 2023 or newer (Chrome 110, Firefox 113, Safari 16.4)."));
});
