// The page: what is chosen, keys, the card, errors; and `archspecPage`, by which a server draws it anew.

const pane = get("picture");
let payload = null;
let chosen = null; // the box whose lines are lit
let pointed = null; // the box under the pointer

const picture = new Picture(pane, () => {
  get("scale").textContent = `${Math.round(picture.view.scale * 100)} %`;
  hideCard();
});
const panes = new Panes(get("tabs"), get("panes"), chooseLine);
const search = new Search(get("query"), get("hits"), get("status"), {
  boxes: () => {
    const found = picture.boxes.map((box) => [box, box.path]);
    payload.networks.forEach((network, index) => {
      for (const [path, holder] of Object.entries(network.within)) found.push([picture.byKey.get(`${index}:${holder}`), path]);
    });
    return found;
  },
  marked: (boxes) => mark("hit", boxes.map((box) => picture.visible(box))),
  chosen: (box) => choose(box, { centered: true }),
});

// Drawing

function load(shown) {
  const before = payload && {
    folded: picture.folded, known: new Map(picture.boxes.map((box) => [box.key, box.inside])), chosen: chosen?.key,
  };
  const view = picture.view;
  picture.draw(shown, (key, byDefault) => (before?.known.get(key) ? before.folded.has(key) : byDefault));
  payload = shown;
  clearErrors();
  document.title = shown.title;
  const [first] = shown.networks;
  const single = shown.networks.length === 1;
  get("title").textContent = shown.title;
  const notes = [...shown.notes, ...new Set(shown.networks.map((network) => network.note))].filter(Boolean);
  get("subtitle").textContent = [...(single ? [first.subtitle] : []), ...notes].join("; ");
  pane.setAttribute("aria-label", `${shown.title}: arrow keys go from box to box`);
  drawLegend();
  drawLevels();
  if (!before && shown.theme) paint(shown.theme);
  chosen = null;
  const kept = before?.chosen ? picture.byKey.get(before.chosen) : null;
  const network = kept ? kept.network : Math.min(Math.max(panes.network, 0), shown.networks.length - 1);
  panes.fill(network, shown.networks[network].texts);
  if (view) {
    picture.view = view;
    picture.look();
  } else {
    picture.fit(true);
  }
  select(kept || null, [], false);
  search.update();
}

function drawLegend() {
  get("legend").replaceChildren(
    ...payload.legend.map(([words, fill, stroke]) => {
      const swatch = make("i", { class: fill === "line" ? "swatch line" : "swatch" });
      if (fill !== "line") {
        swatch.style.background = fill;
        swatch.style.borderColor = stroke;
      }
      return make("span", {}, swatch, words);
    }),
  );
}

const LEVELS = { stage: "Stages", unit: "Units", layer: "Layers" };

function foldedAt(level) {
  const keys = new Set();
  payload.networks.forEach((network, index) => {
    for (const path of network.levels[level] || []) keys.add(`${index}:${path}`);
  });
  return keys;
}

function drawLevels() {
  const names = Object.keys(LEVELS).filter((level) => payload.networks.some((network) => level in network.levels));
  get("levels").hidden = names.length < 2;
  get("levels").replaceChildren(
    ...names.map((level) => {
      const button = make("button", { "aria-pressed": "false", title: `Fold to ${LEVELS[level].toLowerCase()}` }, LEVELS[level]);
      button.dataset.level = level;
      button.addEventListener("click", () => setFolded(foldedAt(level)));
      return button;
    }),
  );
  tellLevel();
}

function tellLevel() {
  for (const button of get("levels").children) {
    const keys = foldedAt(button.dataset.level);
    const same = keys.size === picture.folded.size && [...keys].every((key) => picture.folded.has(key));
    button.setAttribute("aria-pressed", String(same));
  }
}

// Folding

function setFolded(keys) {
  const still = chosen || picture.shown().find((box) => picture.rect(box)[1] * picture.view.scale + picture.view.y >= 0);
  picture.setFolded(keys, still, true);
  folded();
}

function toggle(box, state) {
  if (!box.inside) return;
  picture.toggle(box, state);
  folded();
}

function folded() {
  if (chosen && picture.visible(chosen) !== chosen) select(picture.visible(chosen));
  mark("hit", search.hits.map(([box]) => picture.visible(box)));
  tellLevel();
  if (chosen) describeChosen();
}

// Choosing

function mark(name, boxes) {
  for (const element of picture.world.querySelectorAll(`.${name}`)) element.classList.remove(name);
  for (const box of boxes) box.element.classList.add(name);
}

function select(box, others = [], moves = true) {
  chosen = box;
  mark("chosen", box ? [box] : []);
  mark("alike", others.map((other) => picture.visible(other)));
  mark("touched", []);
  if (box) for (const line of picture.linesOf(box)) line.classList.add("touched");
  set(pane, "aria-activedescendant", box ? box.element.id : null);
  for (const element of picture.world.querySelectorAll("[aria-selected]")) element.removeAttribute("aria-selected");
  box?.element.setAttribute("aria-selected", "true");
  if (box && panes.network !== box.network) panes.fill(box.network, payload.networks[box.network].texts);
  panes.light(box ? box.lines : [], moves);
  describeChosen();
}

function choose(box, { centered = false, others = [] } = {}) {
  picture.unfoldTo(box);
  select(box, others);
  picture.reveal(box, centered);
  folded();
}

// The boxes that a line makes: those whose range around it is the shortest.
function chooseLine(text, number) {
  let best = Infinity, found = [];
  for (const box of picture.boxes) {
    if (box.network !== panes.network) continue;
    for (const [where, first, last] of box.lines) {
      if (where !== text || number < first || number > last || last - first > best) continue;
      if (last - first < best) found = [];
      best = last - first;
      if (found[found.length - 1] !== box) found.push(box);
    }
  }
  if (!found.length) return;
  const least = Math.min(...found.map((box) => box.level));
  const parts = found.filter((box) => box.inside && box.level === least);
  const taken = parts.length ? parts : found; // a call's line is the call's, not that of all layers in it
  const kept = taken.includes(chosen) ? chosen : taken.find((box) => picture.visible(box) === box) || taken[0];
  choose(kept, { others: taken.filter((box) => box !== kept) });
  get("status").textContent = taken.length > 1 ? `${taken.length} boxes are of this line` : "";
}

// Pointing

pane.addEventListener("pointermove", (event) => {
  if (event.buttons || event.pointerType === "touch") return;
  let box = picture.of(event.target);
  if (box?.inside && !picture.isFolded(box) && !folds(box, event)) box = null; // on the paper of an open frame
  if (box !== pointed) hideCard();
  if (!box) return;
  pointed = box;
  box.element.classList.add("pointed");
  const area = get("view").getBoundingClientRect();
  showCard(box, event.clientX - area.left, event.clientY - area.top);
});
pane.addEventListener("pointerleave", hideCard);

let toggled = false; // by the first click of a double one
const folds = (box, event) =>
  event.target.closest(".fold") ||
  (event.pointerType === "touch" && box.inside && picture.onCorner(box, event.clientX, event.clientY)) ||
  (box.inside && !picture.isFolded(box) && picture.onHeader(box, event.clientX, event.clientY));
picture.listen((event) => {
  pane.focus({ preventScroll: true });
  if (event.detail > 1 && toggled) return;
  const box = picture.of(event.target);
  hideCard();
  select(box);
  toggled = Boolean(box && folds(box, event));
  if (toggled) toggle(box);
});
pane.addEventListener("dblclick", (event) => {
  const box = picture.of(event.target);
  if (box && !toggled && picture.isFolded(box)) toggle(box);
});

// Keys

function walk(step) {
  const shown = picture.shown();
  const at = shown.indexOf(chosen);
  const next = at < 0 ? shown.find((box) => inSight(box)) || shown[0] : shown[at + step];
  if (next) goTo(next);
}

function goTo(box) {
  select(box);
  picture.reveal(box);
  const [x, y, width] = picture.rect(box);
  const { scale, x: left, y: top } = picture.view;
  showCard(box, (x + width) * scale + left - 8, y * scale + top - 14);
}

function inSight(box) {
  const [x, y] = picture.rect(box);
  const { scale, x: left, y: top } = picture.view;
  return x * scale + left >= 0 && y * scale + top >= 0;
}

const KEYS = {
  ArrowDown: () => walk(1),
  ArrowUp: () => walk(-1),
  Home: () => goTo(picture.shown()[0]),
  End: () => goTo(picture.shown().at(-1)),
  ArrowRight: () => {
    if (!chosen?.inside) walk(1);
    else if (picture.isFolded(chosen)) toggle(chosen, false);
    else goTo(chosen.inside.boxes[0]);
  },
  ArrowLeft: () => {
    if (chosen?.inside && !picture.isFolded(chosen)) toggle(chosen, true);
    else if (chosen?.parent) goTo(chosen.parent);
    else walk(-1);
  },
  Enter: () => (chosen ? toggle(chosen) : walk(1)),
  " ": () => (chosen ? toggle(chosen) : walk(1)),
  Escape: () => (get("card").hidden ? select(null) : hideCard()),
};
const ANYWHERE = {
  "+": () => picture.zoom(1.25),
  "=": () => picture.zoom(1.25),
  "-": () => picture.zoom(0.8),
  0: () => picture.fit(),
  "/": () => get("query").select(),
  "?": () => get("help").showModal(),
};
pane.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || !KEYS[event.key]) return;
  event.preventDefault();
  KEYS[event.key]();
});
pane.addEventListener("blur", hideCard);
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, dialog");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || !ANYWHERE[event.key]) return;
  event.preventDefault();
  ANYWHERE[event.key]();
});
new ResizeObserver(() => picture.view && picture.look()).observe(pane);
for (const [id, act] of Object.entries({
  in: () => picture.zoom(1.25),
  out: () => picture.zoom(0.8),
  fit: () => picture.fit(),
  scale: () => picture.zoom(1 / picture.view.scale),
  keys: () => get("help").showModal(),
})) {
  get(id).addEventListener("click", act);
}

// What servers and tests call

window.archspecPage = {
  load,
  showErrors,
  clearErrors,
  // Paths of what is folded, of the first network or another; `setFolded` folds these and opens all others.
  folded: (network = 0) => picture.boxes.filter((box) => box.network === network && picture.isFolded(box)).map((box) => box.path),
  setFolded: (paths, network = 0) => setFolded(new Set(paths.map((path) => `${network}:${path}`))),
  // The ranks after which the picture is cut into columns.
  cuts: () => [...picture.cuts],
  choose: (path, network = 0) => {
    const box = picture.byKey.get(`${network}:${path}`);
    if (box) choose(box);
    return Boolean(box);
  },
};
load(JSON.parse(get("network").textContent));
