// The page: what is chosen, keys, the card, errors; and `archspecPage`, by which a server draws it anew.

const get = (id) => document.getElementById(id);
const pane = get("picture");
const system = matchMedia("(prefers-color-scheme: dark)");
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
  chosen: (box) => choose(box, { centred: true }),
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
  get("subtitle").textContent = single ? first.subtitle : shown.notes.join("; ");
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
  picture.setFolded(keys, still);
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
  set(pane, "aria-activedescendant", box ? box.element.id : null);
  for (const element of picture.world.querySelectorAll("[aria-selected]")) element.removeAttribute("aria-selected");
  box?.element.setAttribute("aria-selected", "true");
  if (box && panes.network !== box.network) panes.fill(box.network, payload.networks[box.network].texts);
  panes.light(box ? box.lines : [], moves);
  describeChosen();
}

function choose(box, { centred = false, others = [] } = {}) {
  picture.unfoldTo(box);
  select(box, others);
  picture.reveal(box, centred);
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

// Telling

function described(box) {
  const { what, attributes, facts } = box.about;
  const found = [make("p", { class: "what" }, what)];
  if (attributes.length) {
    const list = make("p", { class: "attributes" });
    for (const [name, value] of attributes) list.append(make("code", {}, make("b", {}, name), ` ${value}`), " ");
    found.push(list);
  }
  const table = make("dl", {});
  for (const [name, value] of facts) table.append(make("div", {}, make("dt", {}, name), make("dd", {}, value)));
  found.push(table);
  return found;
}

// Where the spec says it: its own place and those that it depends on, as [text, first line, words].
function places(box) {
  const { texts } = payload.networks[box.network];
  return box.lines
    .filter(([text]) => texts[text].pane === "spec")
    .map(([text, first, last]) => [text, first, `${texts[text].name}:${first}${last > first ? `–${last}` : ""}`]);
}

function describeChosen() {
  const details = get("details");
  if (!chosen) {
    details.replaceChildren(make("p", { class: "hint" }, "Choose a box, or a line of code."));
    return;
  }
  const way = make("h2", {});
  const outer = [];
  for (let box = chosen; box; box = box.parent) outer.unshift(box);
  outer.forEach((box, index) => {
    const name = index ? box.path.slice(outer[index - 1].path.length + 1) : box.path;
    if (index) way.append(make("span", { class: "dot", "aria-hidden": "true" }, "›"));
    const part = make("button", { class: "link", title: box.path }, name || box.path);
    part.addEventListener("click", () => choose(box));
    way.append(box === chosen ? make("span", { title: box.path }, name || box.path) : part);
  });
  if (chosen.inside) {
    const state = picture.isFolded(chosen);
    const button = make("button", { class: "quiet" }, state ? "Unfold" : "Fold");
    button.addEventListener("click", () => toggle(chosen));
    way.append(button);
  }
  const where = make("p", { class: "places" });
  for (const [text, first, words] of places(chosen)) {
    const link = make("button", { class: "link" }, words);
    link.addEventListener("click", () => panes.goTo(panes.line(text, first)));
    where.append(link, " ");
  }
  details.replaceChildren(way, ...described(chosen), where);
}

function showCard(box, x, y) {
  const card = get("card");
  const where = places(box).map(([, , words]) => words).slice(0, 3).join(", ");
  card.replaceChildren(make("h2", {}, box.path), ...described(box), make("p", { class: "places" }, where));
  card.hidden = false;
  const room = get("view").getBoundingClientRect();
  const [width, height] = [card.offsetWidth, card.offsetHeight];
  const left = x + 18 + width > room.width ? x - 18 - width : x + 18;
  card.style.left = `${Math.min(Math.max(left, 8), Math.max(room.width - width - 8, 8))}px`;
  card.style.top = `${Math.max(Math.min(y + 14, room.height - height - 8), 8)}px`;
}

function hideCard() {
  get("card").hidden = true;
  pointed?.element.classList.remove("pointed");
  pointed = null;
}

pane.addEventListener("pointermove", (event) => {
  if (event.buttons || event.pointerType === "touch") return;
  let box = picture.of(event.target);
  if (box && event.target === box.frame && !picture.onHeader(box, event.clientX, event.clientY)) box = null;
  if (box !== pointed) hideCard();
  if (!box) return;
  pointed = box;
  box.element.classList.add("pointed");
  const area = get("view").getBoundingClientRect();
  showCard(box, event.clientX - area.left, event.clientY - area.top);
});
pane.addEventListener("pointerleave", hideCard);

picture.listen((event) => {
  const box = picture.of(event.target);
  if (!box) {
    select(null);
  } else if (event.target.closest(".fold") || (event.target.closest(".open") && headerOf(box, event))) {
    hideCard();
    select(box);
    toggle(box);
  } else {
    select(box);
  }
  pane.focus({ preventScroll: true });
});
const headerOf = (box, event) =>
  box.inside && !picture.isFolded(box) && picture.onHeader(box, event.clientX, event.clientY);
pane.addEventListener("dblclick", (event) => {
  const box = picture.of(event.target);
  if (box?.inside && picture.isFolded(box) && !event.target.closest(".fold")) toggle(box);
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
for (const [id, act] of Object.entries({
  in: () => picture.zoom(1.25),
  out: () => picture.zoom(0.8),
  fit: () => picture.fit(),
  scale: () => picture.zoom(1 / picture.view.scale),
  theme: () => paint(document.documentElement.dataset.theme === "dark" ? "light" : "dark"),
  keys: () => get("help").showModal(),
})) {
  get(id).addEventListener("click", act);
}

// Colours and sizes

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  get("theme").setAttribute("aria-pressed", String(theme === "dark"));
}
paint(system.matches ? "dark" : "light");
system.addEventListener("change", () => paint(system.matches ? "dark" : "light"));

const split = get("split");
const stacked_ = matchMedia("(max-width: 900px)");
let share = 56; // per cent of the room that the picture takes

function divide(value) {
  share = Math.min(Math.max(value, 15), 85);
  get("main").style.setProperty("--share", `${share}%`);
  split.setAttribute("aria-valuenow", String(Math.round(share)));
}
function orient() {
  split.setAttribute("aria-orientation", stacked_.matches ? "horizontal" : "vertical");
}
split.addEventListener("pointerdown", (event) => split.setPointerCapture(event.pointerId));
split.addEventListener("pointermove", (event) => {
  if (!split.hasPointerCapture(event.pointerId)) return;
  const area = get("main").getBoundingClientRect();
  const part = stacked_.matches ? (event.clientY - area.top) / area.height : (event.clientX - area.left) / area.width;
  divide(part * 100);
});
split.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -3, ArrowUp: -3, ArrowRight: 3, ArrowDown: 3 }[event.key];
  if (!step) return;
  event.preventDefault();
  divide(share + step);
});
stacked_.addEventListener("change", orient);
orient();
new ResizeObserver(() => picture.view && picture.look()).observe(pane);

// Errors

// Shows what is wrong with the spec as it is now, beside the picture of what it last was. Each error is
// {code, message, file, line, column, text, help}; `text` is all of it as a terminal shows it.
function showErrors(errors) {
  clearErrors();
  if (!errors.length) return;
  document.body.classList.add("stale");
  const list = make("ul", {});
  for (const error of errors) {
    const item = make("li", {});
    if (error.file) {
      const words = `${error.file}:${error.line}:${error.column}`;
      const link = make("button", { class: "link" }, words);
      link.addEventListener("click", () => panes.goTo(panes.place(error)));
      item.append(link, " ");
    }
    item.append(...told(error));
    list.append(item);
  }
  const number = errors.length === 1 ? "An error" : `${errors.length} errors`;
  get("errors").replaceChildren(make("p", {}, `${number}; the picture shows the spec as it last was.`), list);
  get("errors").hidden = false;
  const shown = payload.networks.length > 1 ? 0 : panes.network;
  if (panes.network !== shown) panes.fill(shown, payload.networks[shown].texts);
  panes.mark(errors);
  panes.goTo(errors.map((error) => panes.place(error)).find((line) => line));
}

function clearErrors() {
  document.body.classList.remove("stale");
  get("errors").hidden = true;
  get("errors").replaceChildren();
  panes.unmark();
}

window.archspecPage = {
  load,
  showErrors,
  clearErrors,
  // Paths of what is folded, of the first network or another; `setFolded` folds these and opens all others.
  folded: (network = 0) => picture.boxes.filter((box) => box.network === network && picture.isFolded(box)).map((box) => box.path),
  setFolded: (paths, network = 0) => setFolded(new Set(paths.map((path) => `${network}:${path}`))),
  choose: (path, network = 0) => choose(picture.byKey.get(`${network}:${path}`)),
};
load(JSON.parse(get("network").textContent));
