// Asks the server of `archspec watch` for news, as long as the page can be seen, and shows them.
"use strict";
(() => {
  const page = window.archspecPage; // absent while the spec was never right
  let picture = archspecPicture;
  let news = null;

  const badge = document.createElement("div");
  badge.setAttribute("role", "status");
  badge.dataset.live = "";
  Object.assign(badge.style, {
    position: "fixed", right: "12px", bottom: "12px", padding: "2px 10px", borderRadius: "10px",
    font: "12px system-ui, sans-serif", color: "#fff", pointerEvents: "none", zIndex: "99",
  });
  document.body.append(badge);
  const say = (words, color) => {
    badge.textContent = words;
    badge.style.background = color;
  };

  function show({ errors, texts }) {
    if (!page) document.getElementById("errors").textContent = errors.map((error) => error.text).join("\n\n");
    else if (errors.length) page.showErrors(errors, texts);
    else page.clearErrors();
    if (errors.length) say(errors.length === 1 ? "an error" : `${errors.length} errors`, "#b3261e");
    else say("live", "#1b7f3b");
  }

  function connect() {
    news = new EventSource(`events?after=${picture}`);
    news.addEventListener("drawing", (event) => {
      picture = Number(event.lastEventId);
      if (page) page.load(JSON.parse(event.data));
      else location.reload();
    });
    news.addEventListener("errors", (event) => show(JSON.parse(event.data)));
    news.addEventListener("error", () => {
      // The browser tries again by itself, but not where the server has another token now.
      say(news.readyState === EventSource.CLOSED ? "ended" : "not connected", "#5f6368");
    });
  }

  // A browser has few connections to one server: those pages that are not seen leave them to the others.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) connect();
    else news.close();
  });
  connect();
})();
