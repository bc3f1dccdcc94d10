// A case's events: columns of all of them, and rows that are unpacked where they are looked at.

import { bytes, json } from "./payload.mjs";

const NO_LANE = 0xffff;
const KEPT_CHUNKS = 24;

export class Trace {
  /** `shape` is what the case's block says of its trace, `columns` the bytes that `reporting/trace.py` describes. */
  constructor(shape, columns, loadRows) {
    const n = shape.events;
    const view = (Type, offset) => new Type(columns.buffer, columns.byteOffset + offset, n);
    Object.assign(this, { shape, length: n, lanes: shape.lanes, loadRows });
    this.times = summed(view(Float64Array, 0));
    this.lane = view(Uint16Array, 8 * n);
    this.far = view(Uint16Array, 10 * n);
    this.kind = view(Uint8Array, 12 * n);
    this.arriving = view(Uint8Array, 13 * n);
    this.chunks = new Map();
  }

  /** The trace of a case of this page. */
  static async open(number, shape) {
    const columns = shape.events ? await bytes(`case-${number}-columns`) : new Uint8Array();
    return new Trace(shape, columns, (chunk) => json(`case-${number}-rows-${chunk}`));
  }

  /** From the first event to the last thing known to have lasted. */
  get bounds() {
    const ends = this.shape.spans.flatMap((span) => [span.start, span.end ?? span.start]);
    return { from: Math.min(0, ...ends), to: Math.max(1_000_000, this.length ? this.times[this.length - 1] : 0, ...ends) };
  }

  /** The first event that isn't before a moment. */
  indexAt(ns) {
    let low = 0, high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.times[middle] < ns) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  laneOf(index) {
    return this.lanes[this.lane[index]] ?? "(others)";
  }

  farOf(index) {
    return this.far[index] === NO_LANE ? null : this.lanes[this.far[index]];
  }

  /** An event, once its chunk is unpacked. */
  async event(index) {
    const chunk = Math.floor(index / this.shape.chunk);
    const rows = await this.rows(chunk);
    return this.made(index, rows[index - chunk * this.shape.chunk]);
  }

  /** An event whose chunk is there already, else undefined. */
  peek(index) {
    const chunk = Math.floor(index / this.shape.chunk);
    const rows = this.chunks.get(chunk)?.rows;
    return rows && this.made(index, rows[index - chunk * this.shape.chunk]);
  }

  /** The rows of a chunk. The ones used last are kept. */
  rows(chunk) {
    const known = this.chunks.get(chunk);
    this.chunks.delete(chunk);
    const entry = known ?? { rows: undefined };
    this.chunks.set(chunk, entry);
    entry.loading ??= this.loadRows(chunk).then((rows) => (entry.rows = rows));
    if (this.chunks.size > KEPT_CHUNKS) this.chunks.delete(this.chunks.keys().next().value);
    return entry.loading;
  }

  /** Indices of the events that pass: `wants(index)` judges by columns, `test(event)` (or null) by rows. Null when stopped. */
  async matching(wants, test, progress, signal) {
    const found = [];
    for (let first = 0; first < this.length; first += this.shape.chunk) {
      const after = Math.min(first + this.shape.chunk, this.length);
      const rows = test && (await this.rows(first / this.shape.chunk));
      if (signal.aborted) return null;
      for (let index = first; index < after; index++) {
        if (wants(index) && (!test || test(this.made(index, rows[index - first])))) found.push(index);
      }
      if (test) progress(after / this.length, found.length);
    }
    return Uint32Array.from(found);
  }

  made(index, row) {
    const [type, service, names] = this.shape.shapes[row[1]];
    const fields = Object.create(null);
    names.forEach((name, at) => (fields[name] = row[at + 2]));
    return { index, seq: row[0], type, service, fields, data: row[names.length + 2], ns: this.times[index] };
  }
}

function summed(deltas) {
  const times = new Float64Array(deltas.length);
  let time = 0;
  for (let index = 0; index < deltas.length; index++) times[index] = time += deltas[index];
  return times;
}
