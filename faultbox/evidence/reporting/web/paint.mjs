// What a timeline is drawn of. `paint` is a 2d context, `colour` gives a custom property's value.

/** A straight line. */
export function line(paint, x1, y1, x2, y2) {
  paint.beginPath();
  paint.moveTo(x1, y1);
  paint.lineTo(x2, y2);
  paint.stroke();
}

/** Something that lasts, with its text as far as there is room. */
export function bar(paint, from, to, y, height, text, width, colour, name) {
  const left = Math.max(from, -4);
  const right = Math.max(Math.min(to, width + 4), left + 2);
  paint.fillStyle = paint.strokeStyle = colour(name);
  paint.globalAlpha = 0.16;
  paint.beginPath();
  paint.roundRect(left, y, right - left, height, 3);
  paint.fill();
  paint.globalAlpha = 0.7;
  paint.lineWidth = 1;
  paint.stroke();
  paint.globalAlpha = 1;
  const inside = Math.max(left, 0) + 10;
  const room = right - inside - 4;
  if (room < 24) return;
  paint.save();
  paint.beginPath();
  paint.rect(inside, y, room, height);
  paint.clip();
  paint.fillStyle = colour("--ink");
  paint.fillText(text, inside, y + height / 2 + 0.5);
  paint.restore();
}

/** A service's life: thin until it is ready, then thick. */
export function life(paint, span, y, x, colour, bounds) {
  const end = x(span.end ?? bounds.to);
  const ready = Math.min(x(span.ready ?? span.end ?? bounds.to), end);
  paint.fillStyle = colour("--life");
  paint.globalAlpha = 0.22;
  paint.fillRect(x(span.start), y - 0.5, ready - x(span.start), 1);
  paint.fillRect(ready, y - 2, end - ready, 4);
  paint.globalAlpha = 1;
}
