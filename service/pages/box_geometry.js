// Boxes in a photo that is zoomed, turned and mirrored. A box has left, top, right and bottom, as
// shares of the photo's width and height; a view says where the window shows the photo.

const LEAST = 0.005; // the smallest side of a box
const EDGES = { n: "top", s: "bottom", w: "left", e: "right" };

// The view of a frame, which fills a stage's corner before its transform.
export function viewOf(stage, frame) {
  const { left, top } = stage.getBoundingClientRect();
  const transform = getComputedStyle(frame).transform;
  const matrix = new DOMMatrix(transform === "none" ? "" : transform);
  return { left, top, matrix, width: frame.clientWidth, height: frame.clientHeight };
}

// Where in the photo a point of the window is; it may lie outside.
export function shareAt(view, x, y) {
  const point = view.matrix.inverse().transformPoint({ x: x - view.left, y: y - view.top });
  return { x: point.x / view.width, y: point.y / view.height };
}

// How far in the photo a way in the window leads.
export function shareBy(view, x, y) {
  const from = shareAt(view, 0, 0);
  const to = shareAt(view, x, y);
  return { x: to.x - from.x, y: to.y - from.y };
}

// Where in the window a point of the photo is.
export function pointAt(view, share) {
  const inner = { x: share.x * view.width, y: share.y * view.height };
  const point = view.matrix.transformPoint(inner);
  return { x: point.x + view.left, y: point.y + view.top };
}

const within = (value, least, most) => Math.min(most, Math.max(least, value));

// The box moved; it stays whole within the photo.
export function moved(box, by) {
  const x = within(by.x, -box.left, 1 - box.right);
  const y = within(by.y, -box.top, 1 - box.bottom);
  return { left: box.left + x, top: box.top + y, right: box.right + x, bottom: box.bottom + y };
}

// The box with the edges of a handle (such as "nw", or "e") moved.
export function resized(box, handle, by) {
  const next = { ...box };
  for (const sign of handle) {
    const edge = EDGES[sign];
    next[edge] += sign === "n" || sign === "s" ? by.y : by.x;
  }
  next.left = within(next.left, 0, box.right - LEAST);
  next.top = within(next.top, 0, box.bottom - LEAST);
  next.right = within(next.right, next.left + LEAST, 1);
  next.bottom = within(next.bottom, next.top + LEAST, 1);
  return next;
}

// The box between two points; null where it holds hardly anything.
export function between(one, other) {
  const [left, right] = [one.x, other.x].map((x) => within(x, 0, 1)).sort((a, b) => a - b);
  const [top, bottom] = [one.y, other.y].map((y) => within(y, 0, 1)).sort((a, b) => a - b);
  return right - left < LEAST || bottom - top < LEAST ? null : { left, top, right, bottom };
}

// The corner's handle that the window shows lowest on the right.
export function lowestCorner(view, box) {
  const corners = ["nw", "ne", "sw", "se"].map((handle) => {
    const [y, x] = [...handle].map((sign) => box[EDGES[sign]]);
    const point = pointAt(view, { x, y });
    return { handle, far: point.x + point.y };
  });
  return corners.reduce((best, each) => (each.far > best.far ? each : best)).handle;
}

// Intersection over union, 0 to 1.
export function overlap(one, other) {
  const width = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  const height = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
  if (width <= 0 || height <= 0) return 0;
  const area = (box) => (box.right - box.left) * (box.bottom - box.top);
  return (width * height) / (area(one) + area(other) - width * height);
}

export const sides = (box) => [box.left, box.top, box.right, box.bottom];
