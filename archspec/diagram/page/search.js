// Finding boxes by their paths, or by what they are.

const MOST_HITS = 100;

class Search {
  constructor(input, list, status, { boxes, marked, chosen }) {
    this.input = input;
    this.list = list;
    this.status = status;
    this.boxes = boxes; // gives [box, path] pairs
    this.marked = marked; // called with the boxes that match
    this.chosen = chosen; // called with the box that is jumped to
    this.hits = [];
    this.at = 0;
    input.addEventListener("input", () => this.update());
    input.addEventListener("focus", () => this.update());
    input.addEventListener("blur", () => this.#open(false));
    input.addEventListener("keydown", (event) => this.#key(event));
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the focus stays in the field
      const option = event.target.closest("[role=option]");
      if (option) this.#jump(Number(option.dataset.hit));
    });
  }

  // Finds anew, as after another network was loaded.
  update() {
    const words = this.input.value.trim().toLowerCase();
    this.hits = [];
    if (words) {
      const starts = (path) => (path.toLowerCase() === words ? 0 : path.toLowerCase().endsWith(`.${words}`) ? 1 : 2);
      this.hits = this.boxes()
        .filter(([box, path]) => path.toLowerCase().includes(words) || box.about.what.toLowerCase().includes(words))
        .sort((one, other) => starts(one[1]) - starts(other[1]));
    }
    this.at = 0;
    this.marked(this.hits.map(([box]) => box));
    this.list.replaceChildren(
      ...this.hits.slice(0, MOST_HITS).map(([box, path], index) => {
        const option = make("li", { role: "option", id: `hit-${index}` });
        option.dataset.hit = index;
        const at = path.toLowerCase().indexOf(words);
        const name = make("span", { class: "path" });
        if (at < 0) name.append(path);
        else name.append(path.slice(0, at), make("mark", {}, path.slice(at, at + words.length)), path.slice(at + words.length));
        option.append(name, make("span", { class: "what" }, box.about.what));
        return option;
      }),
    );
    const number = this.hits.length;
    this.status.textContent = words ? (number ? `${number} ${number === 1 ? "match" : "matches"}` : "no match") : "";
    this.#point();
    this.#open(number > 0 && document.activeElement === this.input);
  }

  #open(open) {
    this.list.hidden = !open;
    this.input.setAttribute("aria-expanded", String(open));
  }

  #point() {
    [...this.list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === this.at)));
    const option = this.list.children[this.at];
    set(this.input, "aria-activedescendant", option ? option.id : null);
    option?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const number = Math.min(this.hits.length, MOST_HITS);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      event.preventDefault();
      if (this.list.hidden || !this.input.value) this.input.blur();
      this.input.value = "";
      this.update();
    } else if (event.key === "Enter" && number) {
      event.preventDefault();
      const again = this.list.hidden;
      if (again) this.at = (this.at + (event.shiftKey ? -1 : 1) + number) % number;
      this.#jump(this.at);
    } else if (step && number) {
      event.preventDefault();
      this.at = (this.at + step + number) % number;
      this.#open(true);
      this.#point();
    }
  }

  #jump(index) {
    this.at = index;
    this.#point();
    this.#open(false);
    this.chosen(this.hits[index][0]);
  }
}
