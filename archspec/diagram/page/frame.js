// Light or dark, and how the room is divided.

const system = matchMedia("(prefers-color-scheme: dark)");

function paint(theme) {
  document.documentElement.dataset.theme = theme;
  get("theme").setAttribute("aria-pressed", String(theme === "dark"));
}
const follow = () => paint(system.matches ? "dark" : "light");
follow();
system.addEventListener("change", follow);
get("theme").addEventListener("click", () => {
  system.removeEventListener("change", follow); // the reader has chosen
  paint(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
});

const split = get("split");
const narrow = matchMedia("(max-width: 900px)");
let share = 56; // percent of the room that the picture takes

function divide(value) {
  share = Math.min(Math.max(value, 15), 85);
  get("main").style.setProperty("--share", `${share}%`);
  split.setAttribute("aria-valuenow", String(Math.round(share)));
}
function orient() {
  split.setAttribute("aria-orientation", narrow.matches ? "horizontal" : "vertical");
}
split.addEventListener("pointerdown", (event) => split.setPointerCapture(event.pointerId));
split.addEventListener("pointermove", (event) => {
  if (!split.hasPointerCapture(event.pointerId)) return;
  const area = get("main").getBoundingClientRect();
  const part = narrow.matches ? (event.clientY - area.top) / area.height : (event.clientX - area.left) / area.width;
  divide(part * 100);
});
split.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -3, ArrowUp: -3, ArrowRight: 3, ArrowDown: 3 }[event.key];
  if (!step) return;
  event.preventDefault();
  divide(share + step);
});
narrow.addEventListener("change", orient);
orient();
