// The link of a point is copied when it is followed. Without scripts it is a link to the point.
for (const list of document.querySelectorAll("[data-copied]")) {
  const word = document.createElement("p");
  word.className = "copied";
  word.setAttribute("role", "status");
  list.before(word);
  list.addEventListener("click", async (event) => {
    const link = event.target.closest("a.anchor");
    if (!link || !navigator.clipboard) return;
    word.textContent = "";
    try {
      await navigator.clipboard.writeText(link.href);
      word.textContent = list.dataset.copied;
    } catch {
      // Not allowed here: the address bar holds the link.
    }
  });
}
