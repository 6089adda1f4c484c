/** The form that makes a session of a token. */

import { useState } from "preact/hooks";
import { Problem } from "../api/client";
import { forget } from "../data";
import { signIn } from "../session";

export function SignIn({ why }: { why: string }) {
  const [said, say] = useState(why);
  const [isBusy, busy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    busy(true);
    forget();
    try {
      await signIn(String(new FormData(form).get("token") ?? "").trim());
    } catch (error) {
      say(error instanceof Problem ? [error.message, error.detail].filter(Boolean).join(": ") : String(error));
      busy(false);
    }
  };
  return (
    <main class="sign-in" id="main">
      <h1>ibconnect</h1>
      <p>Sign in with an access token. Whoever runs this service gives you one.</p>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Token
          <input
            name="token"
            type="password"
            autocomplete="current-password"
            required
            minLength={16}
            spellcheck={false}
            aria-describedby="said"
          />
        </label>
        <p id="said" role="alert" class={said ? "state failed" : ""}>
          {said}
        </p>
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? "Signing in …" : "Sign in"}
        </button>
      </form>
      <p class="soft">The token is sent to this server alone, and is kept nowhere in the browser.</p>
    </main>
  );
}
