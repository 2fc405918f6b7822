// What is said of a box: beside the source when it is chosen, on a card when it is pointed at.

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
    details.replaceChildren(make("p", { class: "hint" }, "Select a box or a line of code to see what it is."));
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
