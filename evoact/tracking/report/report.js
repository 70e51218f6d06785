"use strict";
// Everything is readable without this: it copies code and changes the theme.
const root = document.documentElement;
const status = document.getElementById("status");

const isDark = () =>
  (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) ===
  "dark";

const toggle = document.getElementById("theme-toggle");
const showTheme = () => {
  toggle.textContent = isDark() ? "Light theme" : "Dark theme";
};
toggle.hidden = false;
showTheme();
toggle.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});

// Where a page may not use the clipboard, a selection may be copied.
const copySelected = (code) => {
  const range = document.createRange();
  range.selectNodeContents(code);
  const selection = getSelection();
  selection.removeAllRanges();
  selection.addRange(range);
  const done = document.execCommand("copy");
  if (done) selection.removeAllRanges();
  return done;
};

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = document.getElementById(button.dataset.copies);
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      done = copySelected(code);
    }
    status.textContent = done ? "Copied." : "Selected: copy it with Ctrl+C.";
    button.textContent = done ? "Copied" : "Selected";
    setTimeout(() => { button.textContent = "Copy"; status.textContent = ""; }, 2000);
  });
}
