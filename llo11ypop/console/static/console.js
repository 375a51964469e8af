// Keeps a listing fresh: replaces <main> every few seconds while nobody is using it.
(() => {
  const every = Number(document.body.dataset.refresh || 0);
  if (!every) return;
  const busy = () => document.hidden || document.querySelector("main details[open]") ||
    (document.activeElement && document.activeElement.closest("main form"));
  setInterval(async () => {
    if (busy()) return;
    try {
      const reply = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!reply.ok || busy()) return;
      const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
      for (const part of ["main", "header.top"]) {
        const now = document.querySelector(part), next = fresh.querySelector(part);
        if (now && next) now.replaceWith(next);
      }
    } catch { /* the next turn tries again */ }
  }, every * 1000);
})();
