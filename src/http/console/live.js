// Tells of new decisions, and no more: every page is whole without it. It adds no markup of others' making, only a count.
(() => {
  "use strict";
  const region = document.querySelector("[data-live]");
  if (!region || !("EventSource" in window)) return;
  let count = 0;
  const link = document.createElement("a");
  link.className = "button";
  link.href = region.dataset.newest;
  const tell = () => {
    count += 1;
    link.textContent = count === 1 ? "1 new decision" : `${count} new decisions`;
    if (!link.isConnected) region.append(link);
    document.title = `(${count}) ${document.title.replace(/^\(\d+\) /, "")}`;
  };
  const source = new EventSource(region.dataset.live);
  source.addEventListener("decision", tell);
  window.addEventListener("pagehide", () => source.close());
})();
