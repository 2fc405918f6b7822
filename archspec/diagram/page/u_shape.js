// An encoder-decoder as a U: `unfolded` of archspec/diagram/u_shape.py once more. A test holds the two together.

function unfolded(part, isFolded, lengths) {
  const { halves, turn, skips } = part.bend;
  const both = halves.map((half) => ({ ...half, boxes: half.members.map((box) => part.boxes[box]) }));
  const [left, right] = stretched(both, skips, isFolded, lengths);
  const bottom = left.length, top = Math.min(0, bottom - right.length);
  const jogs = skips.filter((skip) => !skip[5]).length;
  const aside = left.after + lengths.bend.between + lengths.space * jogs + right.before;
  const kept = ([along, across]) => [along - top, across];
  const risen = ([along, across]) => [bottom - along - top, across + aside];
  const found = { alongs: [], across: [], lengths: [], inside: [], frames: [], ups: [], routes: [], taps: [] };
  [left, right].forEach((placed, side) => {
    both[side].members.forEach((box, index) => {
      const corner = [placed.alongs[index], placed.across[index]];
      [found.alongs[box], found.across[box]] = side ? risen(corner) : kept(corner);
      found.lengths[box] = placed.lengths[index];
      found.inside[box] = placed.inside[index];
      found.frames[box] = placed.frames[index];
      found.ups[box] = side === 1;
    });
    both[side].numbers.forEach((line, index) => {
      const route = placed.routes[index].map(side ? risen : kept);
      if (side && line === turn) {
        const begun = found.routes[line], across = begun[begun.length - 1][1];
        const below = bottom - top + lengths.bend.turn;
        found.routes[line] = [...begun.slice(0, -1), [below, across], [below, route[0][1]], ...route.slice(1)];
      } else {
        found.routes[line] = route;
      }
    });
  });
  let beside = left.after + lengths.bend.between / 2;
  for (const [line, leaves, enters, , , level] of skips) {
    const leaving = left.taps[leaves].map(kept), entering = right.taps[enters].map(risen);
    const last = leaving[leaving.length - 1];
    if (level) {
      entering[0][0] = last[0];
    } else {
      leaving.push([last[0], beside], [entering[0][0], beside]);
      beside += lengths.space;
    }
    found.routes[line] = [...leaving, ...entering];
  }
  return { ...found, length: bottom - top + lengths.bend.turn, before: left.before, after: aside + right.after };
}

// Both halves, with gaps so long that skips are level and that both end at the bottom.
function stretched(both, skips, isFolded, lengths) {
  const [left, right] = both.map((half) => place(half, isFolded, lengths));
  const more = [new Map(), new Map()];
  let below = [left.length, 0], ranks = [both[0].ranks + 1, 0];
  const inwards = skips.filter((skip) => skip[5]).sort((one, other) => other[3] - one[3]);
  for (const [, leaves, enters, leaving, entering] of inwards) {
    const tap = left.taps[leaves];
    const at = [tap[tap.length - 1][0], right.taps[enters][0][0]];
    const lack = at[1] - below[1] - (below[0] - at[0]);
    const side = lack > 0 ? 0 : 1;
    let [first, last] = side ? [ranks[1], entering] : [leaving, ranks[0]];
    if (!ranks[1] && side) last = first + 1;
    for (let gap = first; gap < last; gap++) more[side].set(gap, Math.abs(lack) / (last - first));
    below = at;
    ranks = [leaving, entering];
  }
  return both.map((half, side) => place(half, isFolded, lengths, more[side]));
}
