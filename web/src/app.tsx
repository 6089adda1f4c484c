/** The page around the views: who is there, where one is, which moment is shown. */

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Empty, Failure, Loading } from "./components/basics";
import { MomentPicker } from "./components/moment";
import { SignIn } from "./components/sign-in";
import { StatusLine } from "./components/status";
import { forget } from "./data";
import { moment } from "./format";
import { change, href, type Route, useRoute } from "./route";
import { look, may, signOut, useWho } from "./session";
import { Theme } from "./theme";
import { VIEWS, type ViewProps } from "./views/registry";

const loaded = new Map<string, ComponentType<ViewProps>>();

function Outlet({ route }: { route: Route }) {
  const view = VIEWS.find((each) => each.name === route.view);
  const [, turn] = useState(0);
  const [why, setWhy] = useState("");
  useEffect(() => {
    if (view === undefined || loaded.has(view.name)) return;
    view.load().then(
      (module) => {
        loaded.set(view.name, module.default);
        turn((number) => number + 1);
      },
      (error: unknown) => setWhy(String(error)),
    );
  }, [view]);
  useEffect(() => {
    document.title = [route.args[0], view?.title, "ibconnect"].filter(Boolean).join(" · ");
  }, [route, view]);
  if (view === undefined) {
    return (
      <Empty>
        There is no view “{route.view}”. <a href={href("overview")}>Overview</a>
      </Empty>
    );
  }
  if (view.right !== undefined && !may(view.right))
    return <Empty>This token does not have the right “{view.right}” that this view takes.</Empty>;
  const Drawn = loaded.get(view.name);
  if (Drawn === undefined)
    return why ? (
      <Empty>This part of the page could not be loaded: {why}. Reload the page.</Empty>
    ) : (
      <Loading what="the view" />
    );
  return <Drawn route={route} />;
}

function Who({ name, canLeave }: { name: string; canLeave: boolean }) {
  if (!canLeave) return null;
  const leave = () => {
    forget();
    void signOut();
  };
  return (
    <button type="button" onClick={leave} title={`Signed in as ${name}`}>
      Sign out
    </button>
  );
}

export function App() {
  const who = useWho();
  const route = useRoute();
  useEffect(() => void look(), []);
  if (who.state === "asking") return <Loading what="the page" />;
  if (who.state === "failed") return <Failure problem={who.problem} onRetry={() => void look()} />;
  if (who.state === "out") return <SignIn why={who.why} />;
  const at = route.query.at;
  return (
    <>
      <button class="skip" type="button" onClick={() => document.getElementById("main")?.focus()}>
        To the figures
      </button>
      <header class="bar">
        <a class="brand" href={href("overview")}>
          ibconnect
        </a>
        <nav aria-label="Views">
          {VIEWS.filter((each) => each.isInBar).map((each) => (
            <a key={each.name} href={href(each.name)} aria-current={each.name === route.view ? "page" : undefined}>
              {each.title}
            </a>
          ))}
        </nav>
        <div class="tools">
          <MomentPicker at={at} />
          <Theme />
          <Who name={who.session.Name} canLeave={who.session.Kind === "session"} />
        </div>
      </header>
      <StatusLine />
      {at ? (
        <p class="past-line" role="status">
          You see everything as it was at <strong>{moment(at, true)}</strong>.{" "}
          <button type="button" onClick={() => change({ at: null })}>
            Back to now
          </button>
        </p>
      ) : null}
      <main id="main" tabIndex={-1}>
        <Outlet route={route} />
      </main>
      <footer class="foot">
        <a href="docs">The API</a>
        <span>Times are in your zone; hover one for UTC.</span>
      </footer>
    </>
  );
}
