// The picture: its boxes, what is folded of them, and from where it is looked at.

const NEAR = 4; // pixels; a pointer that moves no farther clicks
const SMALLEST = 0.005, LARGEST = 6;
const LEGIBLE = 0.9; // the scale at which the smallest text has nine pixels
const NARROW = 600, SMALL = 0.7; // in a pane of fewer pixels across, less is legible
const NATURAL = 1.6; // a small network is drawn no larger at first
const MARGIN = 16; // around a picture that is shown whole

class Picture {
  constructor(pane, changed) {
    this.pane = pane;
    this.world = pane.querySelector("#world");
    this.changed = changed; // called with nothing after folding or moving
    this.view = null;
    this.boxes = [];
    this.byKey = new Map();
  }

  // Draws what a payload has. `wasFolded(key, byDefault)` says which boxes are folded at first.
  draw(payload, wasFolded) {
    const parsed = new DOMParser().parseFromString(payload.svg, "image/svg+xml");
    if (parsed.querySelector("parsererror")) throw new Error("the picture's markup is broken");
    this.payload = payload;
    this.world.replaceChildren(...[...parsed.documentElement.children].map((child) => document.importNode(child, true)));
    this.boxes = [];
    this.byKey = new Map();
    const root = this.world.lastElementChild;
    this.figures = payload.networks.map((network, index) => {
      const group = root.children[index];
      return { ...this.#figure(network.part, group, index, null), group };
    });
    this.folded = new Set();
    payload.networks.forEach((network, index) => {
      const folded = new Set(network.levels[network.level]);
      for (const box of this.boxes) {
        if (box.network !== index || !box.inside) continue;
        if (wasFolded(box.key, folded.has(box.path))) this.folded.add(box.key);
      }
    });
    this.#spread();
    this.#settle();
  }

  #figure(part, group, network, parent) {
    const lines = [...group.children].filter((child) => child.tagName === "path");
    const groups = [...group.children].filter((child) => child.classList.contains("box"));
    const figure = { part, lines, boxes: [] };
    part.boxes.forEach((geometry, index) => {
      const shown = this.payload.networks[network];
      const element = groups[index];
      const box = {
        key: `${network}:${geometry.path}`, path: geometry.path, network, parent, element, geometry,
        about: shown.boxes[geometry.path], lines: shown.lines[geometry.path] || [],
        level: parent ? parent.level + 1 : 1, order: this.boxes.length, x: 0, y: 0, inside: null, frame: null,
      };
      element.id = `box-${box.order}`;
      element.setAttribute("role", "treeitem");
      element.setAttribute("aria-level", box.level);
      element.setAttribute("aria-label", `${box.path}, ${box.about.what}`);
      this.boxes.push(box);
      this.byKey.set(box.key, box);
      if (geometry.inside !== null) {
        box.frame = element.querySelector(":scope > .open > rect");
        box.head = element.querySelector(":scope > .open > .head");
        box.sign = element.querySelector(":scope > .open > .fold");
        box.mark = element.querySelector(":scope > .open > .mark");
        const content = element.querySelector(":scope > .open > .inside");
        content.setAttribute("role", "group");
        box.inside = this.#figure(geometry.inside, content, network, box);
      }
      figure.boxes.push(box);
    });
    return figure;
  }

  of(element) {
    const group = element instanceof Element ? element.closest("g.box") : null;
    return group && this.world.contains(group) ? this.boxes[Number(group.id.slice(4))] : null;
  }

  isFolded(box) {
    return this.folded.has(box.key);
  }

  // The box itself, or the outermost folded one that hides it.
  visible(box) {
    let found = box;
    for (let outer = box.parent; outer; outer = outer.parent) if (this.folded.has(outer.key)) found = outer;
    return found;
  }

  shown() {
    return this.boxes.filter((box) => this.visible(box) === box);
  }

  // The lines that enter a box and leave it.
  linesOf(box) {
    const { part, lines, boxes } = box.parent ? box.parent.inside : this.figures[box.network];
    const index = boxes.indexOf(box);
    return lines.filter((_, at) => part.lines[at].includes(index));
  }

  // Folds or opens; `still` is the box that stays where it is on the screen. Columns are chosen anew where `spread`.
  setFolded(keys, still = null, spread = false) {
    const anchor = still && this.visible(still);
    const before = anchor && [anchor.x, anchor.y];
    this.folded = new Set([...keys].filter((key) => this.byKey.get(key)?.inside));
    if (spread) this.#spread();
    this.#settle();
    if (anchor && this.view) {
      this.view.x -= (anchor.x - before[0]) * this.view.scale;
      this.view.y -= (anchor.y - before[1]) * this.view.scale;
    }
    this.look();
  }

  toggle(box, folded = !this.isFolded(box)) {
    const keys = new Set(this.folded);
    if (folded) keys.add(box.key);
    else keys.delete(box.key);
    this.setFolded(keys, box);
  }

  unfoldTo(box) {
    const keys = new Set(this.folded);
    for (let outer = box.parent; outer; outer = outer.parent) keys.delete(outer.key);
    if (keys.size !== this.folded.size) this.setFolded(keys, this.visible(box));
  }

  #place(index) {
    const { networks, lengths } = this.payload;
    const folded = (path) => this.folded.has(`${index}:${path}`);
    return networks[index].part.bend ? unfolded(networks[index].part, folded, lengths) : place(networks[index].part, folded, lengths);
  }

  // Chooses where the picture is cut into columns: so that it is shown as large as can be, all of it; or if it were too
  // small to be legible then, in as many as stand side by side.
  #spread(legible = true) {
    const { networks, lengths, columns } = this.payload;
    this.cuts = []; // the ranks after which it is cut
    const [{ part }] = networks;
    if (networks.length > 1 || part.bend || columns === 1) return;
    const placed = this.#place(0);
    const cuts = cutsOf(part, placed);
    const tried = [];
    for (let number = 1; number <= Math.min(columns || lengths.columns.most, cuts.length + 1); number++) {
      const chosen = chosenCuts(placed, cuts, number);
      const set = chosen.length ? setInColumns(placed, chosen, lengths.columns) : placed;
      const last = tried[tried.length - 1];
      if (last && set.length >= 0.95 * last.length) continue;
      tried.push({ length: set.length, ranks: chosen.map((cut) => cut.rank), scales: this.#scales(this.#extent(set, this.#origin(0, set))) });
    }
    let best = tried[0];
    const scale = ({ scales }) => Math.min(...scales, NATURAL);
    const across = ({ scales }) => scales[this.payload.horizontal ? 1 : 0];
    for (const found of tried) if (columns || scale(found) > 1.02 * scale(best)) best = found;
    if (legible && !columns && scale(best) < LEGIBLE) best = tried.findLast((found) => across(found) >= LEGIBLE) || tried[0];
    this.cuts = best.ranks;
  }

  // Where the main line of a network begins; several stand where they do when all is open.
  #origin(index, placed) {
    const { horizontal, networks } = this.payload;
    const [x, y] = networks[index].origin;
    if (networks.length > 1) return [x, y];
    return horizontal ? [x, 24 + placed.before] : [24 + placed.before, y];
  }

  // How large the picture is, with its margins.
  #extent(placed, origin) {
    const { horizontal } = this.payload;
    const along = origin[horizontal ? 0 : 1] + placed.length + 24;
    const across = origin[horizontal ? 1 : 0] + placed.after + 24;
    return horizontal ? [along, across] : [across, along];
  }

  // By how much a picture is scaled that is shown whole, across the pane and down.
  #scales([width, height]) {
    return [(this.pane.clientWidth - 2 * MARGIN) / width, (this.pane.clientHeight - 2 * MARGIN) / height];
  }

  #settle() {
    const { networks, lengths } = this.payload;
    const extents = this.figures.map((figure, index) => {
      const { part } = networks[index];
      let placed = this.#place(index);
      if (this.cuts.length) {
        const cuts = cutsOf(part, placed).filter((cut) => this.cuts.includes(cut.rank));
        if (cuts.length) placed = setInColumns(placed, cuts, lengths.columns);
      }
      const origin = this.#origin(index, placed);
      set(figure.group, "transform", `translate(${origin.map(short).join(",")})`);
      this.#apply(figure, placed, ...origin, null, false);
      figure.origin = origin;
      return this.#extent(placed, origin);
    });
    this.size = [0, 1].map((at) => Math.max(...extents.map((extent) => extent[at])));
  }

  #apply(figure, placed, x, y, frame, up) {
    const { horizontal, lengths } = this.payload;
    const turned = (along, across) => (horizontal ? [along, across] : [across, up ? -along : along]);
    const inset = horizontal || up ? lengths.pad : lengths.head;
    figure.lines.forEach((line, index) => {
      const [source, target] = figure.part.lines[index];
      const corners = placed.routes[index];
      if (frame !== null && source === null) corners[0][0] = -inset;
      if (frame !== null && target === null) corners[corners.length - 1][0] = frame - inset;
      set(line, "d", outline(corners.map((corner) => turned(...corner))));
      const headed = target === null ? frame === null : placed.inside[target] === null;
      set(line, "marker-end", headed ? "url(#arrow-page)" : null);
    });
    figure.boxes.forEach((box, index) => {
      const [left, top] = turned(placed.alongs[index], placed.across[index]);
      box.x = x + left;
      box.y = y + top;
      set(box.element, "transform", `translate(${short(left)},${short(top)})`);
      if (!box.inside) return;
      const inner = placed.inside[index];
      box.element.classList.toggle("folded", inner === null);
      set(box.element, "aria-expanded", String(inner !== null));
      if (inner === null) return;
      const rises = up || Boolean(placed.ups?.[index]);
      const length = placed.lengths[index];
      const [before, after] = placed.frames[index];
      const area = horizontal ? [0, -before, length, before + after] : [-before, rises ? -length : 0, before + after, length];
      ["x", "y", "width", "height"].forEach((name, at) => set(box.frame, name, short(area[at])));
      set(box.head, "transform", `translate(0,${short(area[1])})`);
      set(box.sign, "transform", `translate(${short(area[0])},${short(area[1])})`);
      if (box.mark) set(box.mark, "transform", `translate(${short(area[0] + area[2])},${short(area[1])})`);
      const [right, down] = horizontal ? [lengths.pad, 0] : [0, rises ? -lengths.pad : lengths.head];
      this.#apply(box.inside, inner, box.x + right, box.y + down, length, rises);
    });
  }

  // The place of a box in the picture: x, y, width and height.
  rect(box) {
    const shape = box.inside && !this.isFolded(box) ? box.frame : box.element.querySelector("rect, circle");
    const get = (name) => Number(shape.getAttribute(name));
    if (shape.tagName !== "circle") return [box.x + get("x"), box.y + get("y"), get("width"), get("height")];
    return [box.x + get("cx") - get("r"), box.y + get("cy") - get("r"), 2 * get("r"), 2 * get("r")];
  }

  // Whether a place on the screen is in the header of a frame, not below it.
  onHeader(box, clientX, clientY) {
    const [, y] = this.toWorld(clientX, clientY);
    return y - this.rect(box)[1] < this.payload.lengths.head;
  }

  // Whether a place on the screen is near the sign on a box's corner, as a finger comes to it.
  onCorner(box, clientX, clientY) {
    const [x, y] = this.toWorld(clientX, clientY), [left, top] = this.rect(box);
    return Math.hypot(x - left, y - top) * this.view.scale < 24;
  }

  toWorld(clientX, clientY) {
    const area = this.pane.getBoundingClientRect();
    return [
      (clientX - area.left - this.view.x) / this.view.scale,
      (clientY - area.top - this.view.y) / this.view.scale,
    ];
  }

  // Shows the picture from its view, of which some must stay in sight.
  look() {
    const view = this.view;
    view.scale = Math.min(Math.max(view.scale, SMALLEST), LARGEST);
    const room = [this.pane.clientWidth, this.pane.clientHeight];
    const keep = (at, length, space) => Math.min(Math.max(at, Math.min(60, space / 4) - length), space - Math.min(60, space / 4));
    view.x = keep(view.x, this.size[0] * view.scale, room[0]);
    view.y = keep(view.y, this.size[1] * view.scale, room[1]);
    this.world.setAttribute("transform", `translate(${view.x.toFixed(2)},${view.y.toFixed(2)}) scale(${view.scale.toFixed(4)})`);
    this.changed();
  }

  // All of it, or at first as much as is legible.
  fit(legible = false) {
    if (!legible) {
      this.#spread(false);
      this.#settle();
    }
    const room = [this.pane.clientWidth, this.pane.clientHeight];
    const scales = this.#scales(this.size);
    const across = this.payload.horizontal ? 1 : 0;
    let scale = Math.min(...scales, NATURAL);
    const least = room[across] < NARROW ? SMALL : LEGIBLE;
    if (legible && scale < least) scale = least;
    else if (legible && scale < LEGIBLE) scale = Math.min(scales[across], LEGIBLE);
    // What does not fit is shown from its start; across, around its main line.
    const [x, y] = room.map((space, at) => {
      const length = this.size[at] * scale;
      if (length <= space) return (space - length) / 2;
      const main = at === across ? this.figures[0].origin[at] * scale - space / 2 : 0;
      return -Math.min(Math.max(main, -8), length - space);
    });
    this.view = { scale, x, y };
    this.look();
  }

  zoom(by, x = this.pane.clientWidth / 2, y = this.pane.clientHeight / 2) {
    const scale = Math.min(Math.max(this.view.scale * by, SMALLEST), LARGEST);
    const ratio = scale / this.view.scale;
    this.view = { scale, x: x - (x - this.view.x) * ratio, y: y - (y - this.view.y) * ratio };
    this.look();
  }

  pan(x, y) {
    this.view.x += x;
    this.view.y += y;
    this.look();
  }

  // Moves the view, no farther than it must, so that a box is in sight.
  reveal(box, centered = false) {
    const [x, y, width, height] = this.rect(box).map((length) => length * this.view.scale);
    const room = [this.pane.clientWidth, this.pane.clientHeight];
    const moved = (at, length, view, space) => {
      const start = at + view, margin = Math.min(48, space / 6);
      if (centered && (start < margin || start + length > space - margin)) {
        return length > space - 2 * margin ? margin - start : (space - length) / 2 - start;
      }
      if (start < margin) return start + length > space - margin ? 0 : margin - start;
      if (start + length <= space - margin) return 0;
      return Math.max(space - margin - length, margin) - start;
    };
    const long = height > room[1] - 96 && !centered;
    this.pan(moved(x, width, this.view.x, room[0]), moved(y, long ? 24 * this.view.scale : height, this.view.y, room[1]));
  }

  // Drag, wheel and pinch. `click(event)` is called where a pointer did not move.
  listen(click) {
    const pointers = new Map();
    let moved = 0;
    this.pane.addEventListener("wheel", (event) => {
      event.preventDefault();
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? this.pane.clientHeight : 1;
      const area = this.pane.getBoundingClientRect();
      if (event.ctrlKey || event.metaKey) {
        this.zoom(Math.exp(-event.deltaY * unit * 0.004), event.clientX - area.left, event.clientY - area.top);
      } else if (event.shiftKey && !event.deltaX) {
        this.pan(-event.deltaY * unit, 0);
      } else {
        this.pan(-event.deltaX * unit, -event.deltaY * unit);
      }
    }, { passive: false });
    this.pane.addEventListener("pointerdown", (event) => {
      if (event.button > 1) return;
      if (!pointers.size) moved = 0;
      pointers.set(event.pointerId, [event.clientX, event.clientY]);
    });
    this.pane.addEventListener("pointermove", (event) => {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const at = [event.clientX, event.clientY];
      moved += Math.hypot(at[0] - before[0], at[1] - before[1]);
      if (moved > NEAR && !this.pane.hasPointerCapture(event.pointerId)) {
        this.pane.setPointerCapture(event.pointerId);
        this.pane.classList.add("dragged");
      }
      if (moved <= NEAR && pointers.size === 1) return;
      if (pointers.size === 2) {
        const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
        const area = this.pane.getBoundingClientRect();
        const spread = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]) || 1;
        this.zoom(spread(at) / spread(before), other[0] - area.left, other[1] - area.top);
      } else {
        this.pan(at[0] - before[0], at[1] - before[1]);
      }
      pointers.set(event.pointerId, at);
    });
    const ended = (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) this.pane.classList.remove("dragged");
    };
    this.pane.addEventListener("pointerup", ended);
    this.pane.addEventListener("pointercancel", ended);
    this.pane.addEventListener("click", (event) => {
      if (moved <= NEAR) click(event);
    });
  }
}

// Sets an attribute where it is another; null takes it away.
function set(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}
