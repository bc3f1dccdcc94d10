// A stretch of time on so many pixels: zooming, panning, ticks. Times are ns, a stretch is { from, to }.

const SHORTEST = 1_000;

/** The stretch inside of the bounds, of its own length if that fits, never shorter than a microsecond. */
export function clamped(stretch, bounds) {
  const whole = Math.max(bounds.to - bounds.from, SHORTEST);
  const length = Math.min(Math.max(stretch.to - stretch.from, SHORTEST), whole);
  const from = Math.min(Math.max(stretch.from, bounds.from), bounds.from + whole - length);
  return { from, to: from + length };
}

/** Shorter (factor below 1) or longer, with the moment `at` staying where it is. */
export function zoomed(stretch, factor, at, bounds) {
  const length = stretch.to - stretch.from;
  const wanted = Math.min(Math.max(length * factor, SHORTEST), Math.max(bounds.to - bounds.from, SHORTEST));
  const share = (at - stretch.from) / length;
  const from = at - share * wanted;
  return clamped({ from, to: from + wanted }, bounds);
}

/** Moved by a share of its length. */
export function panned(stretch, share, bounds) {
  const by = (stretch.to - stretch.from) * share;
  return clamped({ from: stretch.from + by, to: stretch.to + by }, bounds);
}

/** Around all these moments, with some room on both sides. */
export function around(moments, bounds) {
  const from = Math.min(...moments);
  const to = Math.max(...moments);
  const room = Math.max((to - from) * 0.06, 200_000);
  return clamped({ from: from - room, to: to + room }, bounds);
}

/** Round moments for an axis, at most one in `every` pixels. */
export function ticks(stretch, width, every) {
  const least = ((stretch.to - stretch.from) * every) / Math.max(width, 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least);
  const found = [];
  for (let tick = Math.ceil(stretch.from / step) * step; tick <= stretch.to; tick += step) found.push(tick);
  return { step, found };
}

/** A tick in the unit that its step has: `250µs`, `1.5ms`, `12s`. */
export function tickText(ns, step) {
  const [unit, name] = step >= 1e9 ? [1e9, "s"] : step >= 1e6 ? [1e6, "ms"] : [1e3, "µs"];
  const digits = Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9));
  return `${(ns / unit).toFixed(Math.min(digits, 6))}${name}`;
}
