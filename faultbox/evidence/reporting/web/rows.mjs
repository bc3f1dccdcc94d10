// Things that last and overlap, side by side in rows; and how high that makes the lanes of a timeline.

/** For every span the first row that is free when it starts, at most `most` of them: then the last one is shared. */
export function dealt(spans, most) {
  const free = [];
  const rows = spans.map((span) => {
    let row = free.findIndex((end) => end <= span.start);
    if (row < 0) row = Math.min(free.length, most - 1);
    free[row] = Math.max(span.end ?? Infinity, free[row] ?? -Infinity);
    return row;
  });
  return { rows, used: Math.max(free.length, 1) };
}

/** Where lanes of these heights are, below each other: their tops, their middles, and where they end. */
export function stacked(heights, top) {
  const tops = [];
  for (const height of heights) {
    tops.push(top);
    top += height;
  }
  return { tops, middles: tops.map((each, lane) => each + heights[lane] / 2), bottom: top };
}
