// Quick exit. Without this file, and without scripts, it is a link like any other. With it the page
// is blank at once and the neutral page takes its place, by a click or by Shift three times; then
// "Back" in the same tab shows no page of this site until one is opened anew.
(() => {
  const root = document.documentElement;
  const links = document.querySelectorAll("a[data-exit]");
  if (!links.length) return;
  // It lasts as long as the tab, whose history names these pages anyway, and only after an exit.
  const MARK = "left";
  const PAUSE = 2000; // milliseconds from one Shift to the next, at most

  // A browser may refuse to store anything; then only the page left itself stays away.
  const remembering = (act) => {
    try {
      return act(sessionStorage);
    } catch {
      return null;
    }
  };

  const leave = () => {
    root.hidden = true;
    // Without a title the tab would show the address.
    document.title = "…";
    remembering((storage) => storage.setItem(MARK, "1"));
    location.replace(links[0].href);
  };

  for (const link of links) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      leave();
    });
  }

  // A browser may keep a page as it was and show it again before any script runs: it keeps it blank.
  // Not `hidden`, which would lose the place on the page.
  addEventListener("pagehide", () => {
    root.style.opacity = "0";
  });
  addEventListener("pageshow", (event) => {
    const [entry] = performance.getEntriesByType("navigation");
    const isOld = event.persisted || entry?.type === "back_forward";
    if (isOld && remembering((storage) => storage.getItem(MARK))) {
      leave();
      return;
    }
    remembering((storage) => storage.removeItem(MARK));
    root.hidden = false;
    root.style.opacity = "";
  });

  // Shift counts when it is pressed and let go with nothing else: not for a capital, nor to select.
  let presses = 0;
  let last = 0;
  let alone = false;
  const forget = () => {
    presses = 0;
    alone = false;
  };
  addEventListener("pointerdown", forget);
  addEventListener("keydown", (event) => {
    if (event.key !== "Shift" || event.ctrlKey || event.altKey || event.metaKey) forget();
    else if (!event.repeat) alone = true;
  });
  addEventListener("keyup", (event) => {
    if (event.key !== "Shift" || !alone) return;
    alone = false;
    presses = event.timeStamp - last < PAUSE ? presses + 1 : 1;
    last = event.timeStamp;
    if (presses === 3) leave();
  });
})();
