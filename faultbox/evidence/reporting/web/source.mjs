// The spec's lines: where a position points to, and a stretch of source around it.

import { h } from "./dom.mjs";

const AROUND = 3;

/** `examples/orders.star:59:46` as { file, line, column }; null for what is no position. */
export function position(text) {
  const found = /^(.*?):(\d+)(?::(\d+))?$/.exec(text ?? "");
  return found && { file: found[1], line: Number(found[2]), column: Number(found[3] ?? 1) };
}

/** The bundle's name for a file that a position names: the one that shares most of the end of its path. */
export function located(file, names) {
  const wanted = file.split("/").reverse();
  let best = null, most = 0;
  for (const name of names) {
    const parts = name.split("/").reverse();
    let same = 0;
    while (same < parts.length && same < wanted.length && parts[same] === wanted[same]) same += 1;
    if (same > most) [best, most] = [name, same];
  }
  return best;
}

/** The lines around a position, that one marked, with the columns from `start` to `end` underlined; null without source. */
export function excerpt(where, sources, start = 0, end = 0) {
  const at = position(where);
  const name = at && located(at.file, Object.keys(sources));
  if (!name) return null;
  const lines = sources[name].text.split("\n");
  if (at.line > lines.length) return null;
  const first = Math.max(at.line - 1 - AROUND, 0);
  const shown = lines.slice(first, at.line + AROUND);
  return h(
    "figure",
    { class: "source" },
    h("figcaption", {}, sourceLink(where, sources)),
    h("pre", {}, shown.map((line, number) => numbered(line, first + number + 1, at.line, start, end))),
  );
}

/** All of a file, for its own page. */
export function whole(text, marked) {
  return h("pre", { class: "whole" }, text.split("\n").map((line, number) => numbered(line, number + 1, marked, 0, 0)));
}

/** A position as a link to its line; plain text where the bundle doesn't have the file. */
export function sourceLink(where, sources) {
  const at = position(where);
  const name = at && located(at.file, Object.keys(sources));
  return name ? h("a", { href: `#source/${encodeURIComponent(name)}/${at.line}`, class: "where" }, where) : h("span", { class: "where" }, where);
}

function numbered(line, number, marked, start, end) {
  const here = number === marked;
  const from = Math.max(start - 1, 0);
  const parts = here && end > start ? [line.slice(0, from), h("mark", {}, line.slice(from, end - 1)), line.slice(end - 1)] : [line];
  return h("span", { class: here ? "line here" : "line", id: here ? "here" : null }, h("span", { class: "number" }, String(number)), parts, "\n");
}
