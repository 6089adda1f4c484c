/** The form that makes a session of a token, and what stands in its place while the server is away. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../api/client";
import { forget } from "../data";
import { look, signIn } from "../session";
import { Mark } from "./mark";

const AGAIN_MS = 5000;

function said(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  if (error.status === 0) return "The server does not answer. Try again in a moment.";
  if (error.status === 429) return `Too many tries. Wait ${error.retryAfter ?? 60} seconds, then try again.`;
  if (error.status === 401)
    return "This token is not in force: it is mistyped, has ended, or was taken away. Ask whoever gave it to you.";
  return [error.message, error.detail].filter(Boolean).join(": ");
}

export function SignIn({ why }: { why: string }) {
  const [refusal, refuse] = useState("");
  const [isBusy, busy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    busy(true);
    refuse("");
    forget();
    try {
      await signIn(String(new FormData(form).get("token") ?? "").trim());
    } catch (error) {
      refuse(said(error));
      busy(false);
      form.querySelector("input")?.focus();
    }
  };
  return (
    <main class="gate" id="main">
      <h1>
        <Mark /> ibconnect
      </h1>
      {why ? (
        <p class="state" role="status">
          {why}
        </p>
      ) : (
        <p>Sign in with an access token. Whoever runs this service gives you one.</p>
      )}
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Token
          <input
            name="token"
            type="password"
            autocomplete="current-password"
            required
            spellcheck={false}
            aria-describedby="said"
            aria-invalid={refusal !== ""}
          />
        </label>
        <p id="said" role="alert" class={refusal ? "state failed" : ""}>
          {refusal}
        </p>
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? "Signing in …" : "Sign in"}
        </button>
      </form>
      <p class="soft">The token is sent to this server alone, and is kept nowhere in the browser.</p>
    </main>
  );
}

/** The page could not begin: the server is away, or refuses. It is asked again by itself. */
export function Away({ problem }: { problem: Problem }) {
  useEffect(() => {
    const timer = setInterval(() => void look(), AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <main class="gate" id="main">
      <h1>
        <Mark /> ibconnect
      </h1>
      <div class="state failed" role="alert">
        <strong>{problem.message}</strong>
        {problem.detail ? <p>{problem.detail}</p> : null}
      </div>
      <p class="soft">The page asks again every {AGAIN_MS / 1000} seconds, and goes on by itself.</p>
      <button type="button" onClick={() => void look()}>
        Try again now
      </button>
    </main>
  );
}

/** The token is in force, and may read no figures: there is nothing to show. `children`: how to leave. */
export function NoRight({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <main class="gate" id="main">
      <h1>
        <Mark /> ibconnect
      </h1>
      <div class="state failed">
        <strong>This token may not read figures.</strong>
        <p>
          The token “{name}” is in force and lacks the right “read” that this page takes. Whoever runs this service can
          give you one that has it.
        </p>
      </div>
      {children}
    </main>
  );
}
