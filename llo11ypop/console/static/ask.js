// Sends a question without leaving the page and shows each agent's step while it works. Without it the form still works.
(() => {
  const form = document.getElementById("ask"), steps = document.getElementById("steps"), turns = document.getElementById("turns");
  if (!form || !window.ReadableStream) return;
  const line = (text, kind) => { const li = document.createElement("li"); li.textContent = text; if (kind) li.className = kind; steps.append(li); return li; };
  const take = (name, value) => {
    if (name === "step") { steps.lastElementChild.before(Object.assign(document.createElement("li"), { textContent: `${value.agent}: ${value.did}` })); return; }
    steps.replaceChildren();
    if (name === "error") { line(value.message, "wrong"); return; }
    document.querySelector(".starters")?.remove();
    const box = document.createElement("template");
    box.innerHTML = value.html; // rendered by our own server with every value escaped
    const added = box.content.firstElementChild;
    turns.append(box.content);
    form.thread.value = value.thread;
    form.question.value = "";
    history.replaceState(null, "", `/ask?thread=${encodeURIComponent(value.thread)}`);
    added?.scrollIntoView({ behavior: "smooth", block: "nearest" });
  };
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const question = (event.submitter?.dataset.ask || form.question.value).trim();
    if (busy || !question) return;
    busy = true;
    steps.replaceChildren();
    line("working", "waiting");
    const body = new URLSearchParams({ csrf: form.csrf.value, thread: form.thread.value, question });
    try {
      const reply = await fetch("/ask", { method: "POST", body, headers: { Accept: "text/event-stream" } });
      if (!reply.ok) throw new Error(`the server answered ${reply.status}; reload the page and try again`);
      const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = "", part; !(part = await reader.read()).done;) {
        text += part.value;
        for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
          const [name, data] = text.slice(0, end).split("\n");
          take(name.slice(7), JSON.parse(data.slice(6)));
        }
      }
    } catch (bad) {
      steps.replaceChildren();
      line(String(bad.message || bad), "wrong");
    } finally { busy = false; form.question.focus(); }
  });
  form.question.addEventListener("keydown", (e) => { if (e.key === "Enter" && !e.shiftKey) { e.preventDefault(); form.requestSubmit(); } });
})();
