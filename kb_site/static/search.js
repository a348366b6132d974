// Suggestions under the search box, with the keyboard and for screen readers. Without this file,
// and without scripts, the form works as a form.
(() => {
  // htmx notes the page's address, with what was searched, in the tab; nothing here needs it.
  try {
    sessionStorage.removeItem("htmx-current-path-for-history");
  } catch {
    // A browser that stores nothing holds nothing.
  }

  const input = document.getElementById("q");
  const box = document.getElementById("suggestions");
  if (!input || !box) return;
  let active = -1;

  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", "suggestions");

  const options = () => [...box.querySelectorAll("li")];

  const choose = (index) => {
    active = index;
    options().forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    const option = options()[active];
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  };

  const close = () => {
    box.replaceChildren();
    input.setAttribute("aria-expanded", "false");
    choose(-1);
  };

  box.addEventListener("htmx:afterSwap", () => {
    const list = box.querySelector("ul");
    if (list) list.setAttribute("role", "listbox");
    for (const option of options()) {
      option.setAttribute("role", "option");
      option.querySelector("a").tabIndex = -1;
    }
    input.setAttribute("aria-expanded", String(options().length > 0));
    choose(-1);
  });

  input.addEventListener("keydown", (event) => {
    const count = options().length;
    if (event.key === "Escape" && count) {
      event.preventDefault();
      close();
    } else if (event.key === "ArrowDown" && count) {
      event.preventDefault();
      choose((active + 1) % count);
    } else if (event.key === "ArrowUp" && count) {
      event.preventDefault();
      choose((active - 1 + count) % count);
    } else if (event.key === "Enter" && active >= 0) {
      event.preventDefault();
      options()[active].querySelector("a").click();
    }
  });

  document.addEventListener("click", (event) => {
    if (!box.contains(event.target) && event.target !== input) close();
  });
})();
