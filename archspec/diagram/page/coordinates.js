// Where everything stands along the data, with some boxes folded: `place` of archspec/diagram/coordinates.py once more.
// A test holds the two together. What is across never changes. `stretched` has what makes some gaps longer.

function place(part, isFolded, lengths, stretched = new Map()) {
  const { gap, track } = lengths;
  const inside = [], long = [], needs = [];
  for (const box of part.boxes) {
    const inner = box.inside === null || isFolded(box.path) ? null : place(box.inside, isFolded, lengths);
    const length = inner === null ? box.closed : Math.max(inner.length + box.open, box.least);
    inside.push(inner);
    long.push(length);
    needs.push(length + (inner === null ? box.tail : 0));
  }
  const bands = new Array(part.ranks + 2).fill(0);
  part.rank.forEach((rank, index) => {
    if (rank) bands[rank] = Math.max(bands[rank], needs[index]);
  });
  const gaps = [];
  for (let rank = 0; rank <= part.ranks; rank++) {
    const tracks = part.leaving[rank] + part.entering[rank + 1];
    gaps.push((rank > 0 || part.enters ? gap : 0) + track * tracks + (stretched.get(rank) || 0));
  }
  const total = (boxes) => boxes.reduce((sum, index) => sum + needs[index], 0);
  let [starts, ends] = stacked(bands, gaps);
  for (const [boxes, first, last] of part.free) {
    const need = total(boxes) + gap * (boxes.length + 1);
    const room = starts[last] - ends[first] - track * (part.entering[last] + part.leaving[first]);
    if (need > room) {
      for (let rank = first; rank < last; rank++) gaps[rank] += (need - room) / (last - first);
      [starts, ends] = stacked(bands, gaps);
    }
  }
  const alongs = part.rank.map((rank, index) => (rank ? starts[rank] + (bands[rank] - needs[index]) / 2 : 0));
  for (const [boxes, first, last] of part.free) {
    let at = ends[first] + track * part.leaving[first];
    const room = starts[last] - track * part.entering[last] - at - total(boxes);
    for (const index of boxes) {
      at += room / (boxes.length + 1);
      alongs[index] = at;
      at += needs[index];
    }
  }
  const anchored = {
    start: () => 0,
    end: () => ends[ends.length - 1],
    leave: (at, number) => ends[at] + track * (number + 1),
    enter: (at, number) => starts[at] - track * (number + 1),
    in: (at) => alongs[at],
    above: (at) => alongs[at] - track,
    out: (at) => alongs[at] + long[at],
    middle: (at) => alongs[at] + long[at] / 2,
  };
  const corners = (routes) =>
    routes.map((route) => route.map(([across, kind, at, number]) => [anchored[kind](at, number), across]));
  const frames = part.boxes.map((box, index) => {
    const inner = inside[index];
    if (inner === null) return box.reach;
    return [inner.before, inner.after].map((reach, side) => Math.max(reach + box.margins[side], box.words[side]));
  });
  const routes = corners(part.routes);
  let low = Infinity, high = -Infinity;
  const reached = (from, to) => {
    low = Math.min(low, from);
    high = Math.max(high, to);
  };
  for (const route of routes) for (const [, across] of route) reached(across, across);
  frames.forEach(([before, after], index) => reached(part.across[index] - before, part.across[index] + after));
  return {
    alongs,
    across: part.across,
    lengths: long,
    routes,
    frames,
    before: part.boxes.length ? -low : 0,
    after: part.boxes.length ? high : 0,
    taps: corners(part.taps || []),
    length: ends[ends.length - 1],
    inside,
  };
}

function stacked(bands, gaps) {
  const starts = [], ends = [];
  let at = 0;
  bands.forEach((band, rank) => {
    starts.push(at);
    ends.push(at + band);
    at += band + (rank < gaps.length ? gaps[rank] : 0);
  });
  return [starts, ends];
}

// A line through points, its corners rounded: `outline` of archspec/diagram/svg.py.
function outline(points) {
  const apart = (one, other) => Math.abs(one[0] - other[0]) + Math.abs(one[1] - other[1]);
  const toward = (at, other, by) => {
    const length = apart(at, other) || 1;
    return [at[0] + ((other[0] - at[0]) * by) / length, at[1] + ((other[1] - at[1]) * by) / length];
  };
  let text = `M${pair(points[0])}`;
  for (let index = 1; index < points.length - 1; index++) {
    const [before, at, after] = points.slice(index - 1, index + 2);
    const radius = Math.min(6, apart(before, at) / 2, apart(at, after) / 2);
    text += ` L${pair(toward(at, before, radius))} Q${pair(at)} ${pair(toward(at, after, radius))}`;
  }
  return `${text} L${pair(points[points.length - 1])}`;
}

// To a tenth, and halves to the even one, as Python does.
function short(value) {
  const tenths = value * 10, rounded = Math.round(tenths);
  return String((Math.abs(tenths % 1) === 0.5 && rounded % 2 ? rounded - 1 : rounded) / 10 || 0);
}
const pair = (point) => `${short(point[0])},${short(point[1])}`;
