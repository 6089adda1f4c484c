/** Text that somebody takes with him: a command, a hash. Where the browser does not let it be copied, it is selected. */

import { useRef, useState } from "preact/hooks";

const SAID_MS = 2000;

export function Copyable({ text, label }: { text: string; label: string }) {
  const code = useRef<HTMLElement>(null);
  const [said, say] = useState("Copy");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      if (code.current) getSelection()?.selectAllChildren(code.current);
      say("Selected");
    }
    setTimeout(() => say("Copy"), SAID_MS);
  };
  return (
    <div class="copyable">
      <pre>
        <code ref={code}>{text}</code>
      </pre>
      <button type="button" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {said}
      </button>
    </div>
  );
}
