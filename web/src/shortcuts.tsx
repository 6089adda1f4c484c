/** Keys that lead somewhere from anywhere in the page; they can be switched off, for who speaks to the computer. */

import { useLayoutEffect, useState } from "preact/hooks";

const NAME = "ibconnect-keys";
const FIELDS = "input, select, textarea, [contenteditable]";

function areOn(): boolean {
  try {
    return localStorage.getItem(NAME) !== "off";
  } catch {
    return true;
  }
}

/** Do something when a key is pressed outside of fields. */
export function useShortcut(key: string, work: () => void): void {
  // As soon as it is seen: a key that is pressed before the next frame counts too.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || !areOn()) return;
      if (event.target instanceof Element && event.target.matches(FIELDS)) return;
      event.preventDefault();
      work();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}

export function Shortcuts() {
  const [isOn, set] = useState(areOn);
  const turn = () => {
    try {
      localStorage.setItem(NAME, isOn ? "off" : "on");
    } catch {
      return;
    }
    set(!isOn);
  };
  return (
    <span class="shortcuts">
      {isOn ? (
        <>
          Keys: <kbd>/</kbd> finds an account, <kbd>t</kbd> sets the moment, <kbd>[</kbd> <kbd>]</kbd> go by snapshots{" "}
        </>
      ) : (
        "Keys are off "
      )}
      <button type="button" class="plain" onClick={turn}>
        {isOn ? "Switch keys off" : "Switch keys on"}
      </button>
    </span>
  );
}
