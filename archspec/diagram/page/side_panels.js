// The spec and the generated source beside the picture.

class Panes {
  constructor(tabs, holder, clicked) {
    this.tabs = tabs;
    this.holder = holder;
    this.clicked = clicked; // called with a text's number and a line
    this.network = -1;
    this.current = "spec";
    this.scrolls = {};
    this.lit = [];
    tabs.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const all = [...tabs.children];
      if (!step) return;
      event.preventDefault();
      const at = all.findIndex((tab) => tab.dataset.pane === this.current);
      const next = all[(at + step + all.length) % all.length];
      this.show(next.dataset.pane);
      next.focus();
    });
    holder.addEventListener("click", (event) => {
      const line = event.target.closest?.(".line");
      if (!line || String(getSelection())) return;
      this.clicked(Number(line.closest(".text").dataset.text), Number(line.dataset.line));
    });
  }

  // Fills the panes with the texts of a network.
  fill(network, texts) {
    for (const pane of this.holder.children) this.scrolls[pane.dataset.pane] = pane.scrollTop;
    this.network = network;
    this.texts = texts;
    this.drawn = null; // the texts of the picture, while other ones are shown
    this.lit = [];
    const panes = new Map();
    texts.forEach((text, index) => {
      if (!panes.has(text.pane)) panes.set(text.pane, { title: text.title, texts: [] });
      panes.get(text.pane).texts.push([index, text]);
    });
    if (!panes.has(this.current)) this.current = texts[0].pane;
    this.tabs.replaceChildren();
    this.holder.replaceChildren();
    for (const [pane, { title, texts: found }] of panes) {
      const tab = make("button", { role: "tab", id: `tab-${pane}`, "aria-controls": `pane-${pane}` }, title);
      tab.dataset.pane = pane;
      tab.addEventListener("click", () => this.show(pane));
      this.tabs.append(tab);
      const panel = make("div", { role: "tabpanel", id: `pane-${pane}`, tabindex: "0", "aria-labelledby": `tab-${pane}` });
      panel.dataset.pane = pane;
      for (const [index, text] of found) panel.append(this.#text(index, text));
      this.holder.append(panel);
    }
    this.show(this.current);
    for (const pane of this.holder.children) pane.scrollTop = this.scrolls[pane.dataset.pane] || 0;
  }

  #text(index, text) {
    const section = make("section", { class: "text", "aria-label": text.name });
    section.dataset.text = index;
    section.append(make("h3", {}, text.name));
    if (text.reason !== undefined) {
      section.append(make("p", { class: "reason" }, `There is no ${text.title} source: ${text.reason}.`));
      return section;
    }
    const code = make("pre", {});
    const lines = colored(text.text.replace(/\n$/, ""), text.pane === "spec" ? "yaml" : "python");
    code.style.setProperty("--digits", String(lines.length).length);
    lines.forEach((pieces, number) => code.append(codeLine(number + 1, pieces)));
    section.append(code);
    return section;
  }

  show(pane) {
    const wasShown = this.current === pane;
    this.current = pane;
    for (const tab of this.tabs.children) {
      const chosen = tab.dataset.pane === pane;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    for (const panel of this.holder.children) panel.hidden = panel.dataset.pane !== pane;
    if (!wasShown) this.#toLit();
  }

  line(text, number) {
    const section = this.holder.querySelector(`.text[data-text="${text}"]`);
    return section?.querySelector(`.line[data-line="${number}"]`) || null;
  }

  // Lights the lines of a box. The first range of a pane is what makes the box; the others say where that is used.
  light(ranges, moves = true) {
    for (const line of this.lit) line.classList.remove("lit", "main");
    this.lit = [];
    const begun = new Set();
    for (const [text, first, last] of ranges) {
      const { pane } = this.texts[text];
      for (let number = first; number <= last; number++) {
        const line = this.line(text, number);
        if (!line) continue;
        line.classList.add("lit");
        if (!begun.has(pane)) line.classList.add("main");
        this.lit.push(line);
      }
      begun.add(pane);
    }
    if (moves) this.#toLit();
  }

  #toLit() {
    const panel = [...this.holder.children].find((pane) => pane.dataset.pane === this.current);
    const lines = this.lit.filter((line) => line.classList.contains("main") && panel.contains(line));
    if (lines.length) bring(panel, lines[0], lines[lines.length - 1]);
  }

  goTo(line) {
    if (!line) return;
    const panel = line.closest("[role=tabpanel]");
    this.show(panel.dataset.pane);
    bring(panel, line, line);
  }

  // Shows the texts of spec files as they are now, by the files' paths, until `restore`.
  renew(now) {
    const drawn = this.texts;
    const texts = drawn.map((text) => {
      const name = Object.keys(now).find((file) => names(file, text));
      return name === undefined ? text : { ...text, text: now[name] };
    });
    this.fill(this.network, texts);
    this.drawn = drawn;
  }

  restore() {
    if (this.drawn) this.fill(this.network, this.drawn);
  }

  // The line of an error; the text may have had fewer lines when it was drawn.
  place(error) {
    const lines = this.holder.querySelectorAll(`.text[data-text="${this.find(error.file)}"] .line`);
    return lines.length ? lines[Math.min(error.line, lines.length) - 1] : null;
  }

  // Puts errors at their lines, as the terminal shows them.
  mark(errors) {
    this.unmark();
    for (const error of errors) {
      const line = this.place(error);
      if (!line) continue;
      line.classList.add("wrong");
      line.after(make("div", { class: "error-row" }, ...(error.text ? [make("pre", {}, error.text)] : errorParts(error))));
    }
  }

  unmark() {
    for (const row of this.holder.querySelectorAll(".error-row")) row.remove();
    for (const line of this.holder.querySelectorAll(".wrong")) line.classList.remove("wrong");
  }

  // The number of the spec's text that a file's path names.
  find(file) {
    return this.texts.findIndex((text) => file && names(file, text));
  }
}

// Whether the path of a file, as an error has it, is that of a text.
function names(file, text) {
  return text.pane === "spec" && (file === text.name || file.endsWith(`/${text.name}`));
}

function codeLine(number, pieces) {
  const line = make("span", { class: "line" });
  line.dataset.line = number;
  const [, text] = pieces[0] || ["", ""];
  line.style.setProperty("--indent", /^ */.exec(text)[0].length); // what is wrapped begins a little farther in
  for (const [kind, text] of pieces) line.append(kind ? make("span", { class: kind }, text) : text);
  return line;
}

function errorParts(error) {
  const found = [make("strong", {}, error.code), ` ${error.message}`];
  if (error.help) found.push(make("span", { class: "help" }, error.help));
  return found;
}

// Scrolls a pane, no farther than it must, so that lines are in it.
function bring(pane, first, last) {
  const area = pane.getBoundingClientRect();
  const top = first.getBoundingClientRect().top - area.top, bottom = last.getBoundingClientRect().bottom - area.top;
  const margin = 40;
  if (top >= margin && bottom <= area.height - 16) return;
  const long = bottom - top > area.height - 2 * margin;
  pane.scrollTop += long ? top - margin : (top + bottom) / 2 - area.height / 2;
}

const get = (id) => document.getElementById(id);

function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
