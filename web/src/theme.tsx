/** Light or dark: as the system has it, or as the viewer chooses. */

import { useState } from "preact/hooks";

const NAME = "ibconnect-theme";
const ORDER = ["", "light", "dark"] as const;
const TITLES: Record<string, string> = { "": "Colours: as the system", light: "Colours: light", dark: "Colours: dark" };
const SIGNS: Record<string, string> = { "": "◐", light: "☀", dark: "☾" };

function stored(): string {
  try {
    return localStorage.getItem(NAME) ?? "";
  } catch {
    return "";
  }
}

function put(theme: string): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(NAME, theme);
  } catch {
    // A browser that keeps nothing shows what was chosen until the page is left.
  }
}

/** Before the first drawing, so that nothing flashes. */
export function begin(): void {
  document.documentElement.dataset.theme = stored();
}

export function Theme() {
  const [theme, set] = useState(stored);
  const next = ORDER[(ORDER.indexOf(theme as (typeof ORDER)[number]) + 1) % ORDER.length] ?? "";
  const choose = () => {
    put(next);
    set(next);
  };
  return (
    <button type="button" class="icon" onClick={choose} aria-label={TITLES[theme]} title={TITLES[theme]}>
      {SIGNS[theme]}
    </button>
  );
}
