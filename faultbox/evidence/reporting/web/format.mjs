// Times, counts and events in words, the same as the console's.

/** `12ms`, from ten seconds on `12.3s`. */
export function duration(milliseconds) {
  return milliseconds < 10_000 ? `${Math.round(milliseconds)}ms` : `${(milliseconds / 1000).toFixed(1)}s`;
}

/** A time since the case's first event: `+523.872ms`, from ten seconds on `+12.345678s`. */
export function relative(ns) {
  const sign = ns < 0 ? "−" : "+";
  const ms = Math.abs(ns) / 1e6;
  return ms < 10_000 ? `${sign}${ms.toFixed(3)}ms` : `${sign}${(ms / 1000).toFixed(6)}s`;
}

/** A moment in UTC: `17:11:42.663214`; empty where the bundle doesn't know. */
export function wall(startUtcMs, ns) {
  if (startUtcMs === null || startUtcMs === undefined) return "";
  const ms = startUtcMs + ns / 1e6;
  const whole = Math.floor(ms);
  const date = new Date(whole);
  if (Number.isNaN(date.getTime())) return "";
  const micros = Math.floor((ms - whole) * 1000);
  return `${date.toISOString().slice(11, 23)}${String(micros).padStart(3, "0")}`;
}

/** `1 event`, `12,345 events`. */
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Bytes: `512 B`, `1.5 KiB`. */
export function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

/** What an event is called: a system call by its own name. */
export function what(event) {
  return event.fields.syscall || event.type;
}

/** The fields of an event in one line. `words.plain` are shown without their name, `words.quiet` not at all. */
export function describe(event, words) {
  const { fields } = event;
  const shown = words.plain.filter((name) => fields[name]).map((name) => fields[name]);
  for (const [name, value] of Object.entries(fields)) {
    if (value && !words.quiet.includes(name) && !words.plain.includes(name)) shown.push(`${name}=${value}`);
  }
  return shown.join(" ").split(/\s+/).filter(Boolean).join(" ");
}
