"use strict";
// Before the page is drawn, so that it is never drawn in the wrong colours.
(() => {
  let choice = null;
  try { choice = localStorage.getItem("rota-theme"); } catch { /* not allowed to remember */ }
  if (choice === "light" || choice === "dark") document.documentElement.dataset.theme = choice;
})();
