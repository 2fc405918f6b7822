// What is wrong with a spec while somebody writes it.

// Shows what is wrong with the spec as it is now, beside the picture of what it last was. Each error is
// {code, message, file, line, column, text, help}; `text` is all of it as a terminal shows it. `now` has the texts of
// files as they are now, by the names that errors have for them.
function showErrors(errors, now = {}) {
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
    item.append(...errorParts(error));
    list.append(item);
  }
  const number = errors.length === 1 ? "An error" : `${errors.length} errors`;
  get("errors").replaceChildren(make("p", {}, `${number}; the picture shows the spec as it last was.`), list);
  get("errors").hidden = false;
  const shown = payload.networks.length > 1 ? 0 : panes.network;
  if (panes.network !== shown) panes.fill(shown, payload.networks[shown].texts);
  panes.renew(now);
  panes.mark(errors);
  panes.goTo(errors.map((error) => panes.place(error)).find((line) => line));
}

function clearErrors() {
  document.body.classList.remove("stale");
  get("errors").hidden = true;
  get("errors").replaceChildren();
  panes.unmark();
  panes.restore();
}
