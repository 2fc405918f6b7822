// A long picture in columns: archspec/diagram/columns.py once more. A test holds the two together.

// Where it can be cut: after a rank, where one line passes.
function cutsOf(part, placed) {
  const passing = Array.from({ length: part.ranks + 1 }, () => []);
  const ears = new Map(part.free.flatMap(([boxes, first, last]) => boxes.map((box) => [box, [first, last]])));
  const first = part.rank.map((rank, box) => (ears.has(box) ? ears.get(box)[0] + 1 : rank));
  const last = part.rank.map((rank, box) => (ears.has(box) ? ears.get(box)[1] - 1 : rank));
  part.lines.forEach(([source, target], index) => {
    const begins = source === null ? 0 : ears.has(source) ? ears.get(source)[0] : part.rank[source];
    const ends = target === null ? part.ranks + 1 : ears.has(target) ? ears.get(target)[1] : part.rank[target];
    for (let rank = begins; rank < ends; rank++) passing[rank].push(index);
  });
  const end = (box) => placed.alongs[box] + placed.lengths[box] + (placed.inside[box] === null ? part.boxes[box].tail : 0);
  const all = [...part.boxes.keys()];
  const found = [];
  for (let rank = 1; rank < part.ranks; rank++) {
    if (passing[rank].length !== 1) continue;
    const above = Math.max(...all.filter((box) => last[box] <= rank).map(end));
    const below = Math.min(...all.filter((box) => first[box] > rank).map((box) => placed.alongs[box]));
    if (placed.routes[passing[rank][0]].some(([along]) => above < along && along < below)) continue;
    found.push({ rank, end: above, start: below });
  }
  return found;
}

// Where to cut into at most so many columns, the longest as short as can be.
function chosenCuts(placed, cuts, number) {
  const fitting = (most) => {
    const found = [];
    let start = 0;
    cuts.forEach((cut, index) => {
      const after = index + 1 < cuts.length ? cuts[index + 1].end : placed.length;
      if (after - start <= most) return;
      found.push(cut);
      start = cut.start;
    });
    return found.length < number ? found : null;
  };
  let low = placed.length / number, high = placed.length;
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (fitting(middle)) high = middle;
    else low = middle;
  }
  return fitting(high) || [];
}

// Everything in its column; `before` and `after` are how far the picture reaches across.
function setInColumns(placed, cuts, { lead, between, turn }) {
  const columns = columnsOf(placed, cuts);
  const shifts = [];
  let at = 0;
  columns.forEach((column, index) => {
    const across = index ? at + column.before : 0;
    shifts.push([index ? lead - column.start : 0, across]);
    at = across + column.after + between;
  });
  const of = placed.alongs.map((along) => cuts.filter((cut) => cut.end < along + 0.5).length);
  const ends = columns.map((column, index) => column.end + shifts[index][0]);
  return {
    ...placed,
    alongs: placed.alongs.map((along, box) => along + shifts[of[box]][0]),
    across: placed.across.map((across, box) => across + shifts[of[box]][1]),
    routes: placed.routes.map((route) => cutRoute(route, cuts, columns, shifts, { lead, between, turn })),
    length: Math.max(...ends, ...ends.slice(0, -1).map((end) => end + turn)),
    before: columns[0].before,
    after: at - between,
  };
}

function columnsOf(placed, cuts) {
  const starts = [0, ...cuts.map((cut) => cut.start)], ends = [...cuts.map((cut) => cut.end), placed.length];
  return starts.map((start, index) => {
    const end = ends[index];
    let low = 0, high = 0;
    placed.alongs.forEach((along, box) => {
      if (along < start - 0.5 || along >= end) return;
      const [before, after] = placed.frames[box];
      low = Math.min(low, placed.across[box] - before);
      high = Math.max(high, placed.across[box] + after);
    });
    for (const [along, across] of placed.routes.flat()) {
      if (along < start - 0.5 || along > end + 0.5) continue;
      low = Math.min(low, across);
      high = Math.max(high, across);
    }
    return { start, end, before: -low, after: high };
  });
}

// Where a line is cut, it goes below its column, up between the two, and down into the next.
function cutRoute(route, cuts, columns, shifts, { lead, between, turn }) {
  const found = [];
  let column = cuts.filter((cut) => cut.end < route[0][0] - 0.5).length;
  for (const [along, across] of route) {
    while (column < cuts.length && along > cuts[column].end + 0.5) {
      if (found.length) {
        const below = columns[column].end + shifts[column][0] + turn, above = lead - 2 * turn;
        const beside = shifts[column][1] + columns[column].after + between / 2;
        const onward = across + shifts[column + 1][1];
        found.push([below, found[found.length - 1][1]], [below, beside], [above, beside], [above, onward]);
      }
      column++;
    }
    found.push([along + shifts[column][0], across + shifts[column][1]]);
  }
  return found;
}
