/** The page around the views: who is there, where one is, which moment is shown. */

import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { AccountFinder } from "./components/accounts";
import { Empty, Loading } from "./components/basics";
import { Boundary } from "./components/boundary";
import { Mark } from "./components/mark";
import { MomentPicker, StepButtons, type Steps, useSteps } from "./components/moment";
import { Away, NoRight, SignIn } from "./components/sign-in";
import { StatusLine } from "./components/status";
import { forget } from "./data";
import { moment, utc, ZONE } from "./format";
import { change, href, isMoment, type Route, useRoute } from "./route";
import { look, may, type Session, signOut, useWho } from "./session";
import { Shortcuts, useShortcut } from "./shortcuts";
import { Theme } from "./theme";
import { VIEWS, type View, type ViewProps } from "./views/registry";

const loaded = new Map<string, ComponentType<ViewProps>>();
const AGAIN_MS = 5000;

const load = async (view: View): Promise<void> => {
  if (!loaded.has(view.name)) loaded.set(view.name, (await view.load()).default);
};

/** Once a view is there the others are loaded too: they are at hand at once, also when the network is gone by then. */
async function loadOthers(): Promise<void> {
  for (const view of VIEWS) await load(view).catch(() => undefined);
}

function Outlet({ route }: { route: Route }) {
  const view = VIEWS.find((each) => each.name === route.view);
  const [, turn] = useState(0);
  const [why, setWhy] = useState("");
  useEffect(() => {
    if (view === undefined || loaded.has(view.name)) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isOurs = true;
    const again = () => {
      load(view).then(
        () => {
          if (!isOurs) return;
          setWhy("");
          turn((number) => number + 1);
          timer = setTimeout(() => void loadOthers(), AGAIN_MS);
        },
        (error: unknown) => {
          if (!isOurs) return;
          setWhy(String(error));
          timer = setTimeout(again, AGAIN_MS);
        },
      );
    };
    again();
    return () => {
      isOurs = false;
      clearTimeout(timer);
    };
  }, [view]);
  useEffect(() => {
    document.title = [route.args[0], view?.title, "ibconnect"].filter(Boolean).join(" · ");
  }, [route, view]);
  if (view === undefined) {
    return (
      <Empty>
        <h1>There is no such view</h1>
        <p>
          The address names “{route.view}”, which this page does not have. Perhaps a part of it was lost on the way.
        </p>
        <a href={href("overview")}>To the overview</a>
      </Empty>
    );
  }
  if (view.right !== undefined && !may(view.right)) {
    return (
      <Empty>
        <h1>{view.title}</h1>
        <p>
          Your token does not have the right “{view.right}” that this takes. Whoever runs this service can give you one
          that has.
        </p>
      </Empty>
    );
  }
  const Drawn = loaded.get(view.name);
  if (Drawn === undefined)
    return why ? (
      <div class="state failed" role="alert">
        <p>
          This part of the page could not be loaded: the server does not answer, or is of another version by now ({why}
          ). It is tried again by itself every few seconds.
        </p>
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </div>
    ) : (
      <Loading what="the view" />
    );
  return <Drawn route={route} />;
}

function Who({ session }: { session: Session }) {
  const [said, say] = useState("");
  if (session.Kind !== "session") return null;
  const leave = () => {
    forget();
    signOut().catch((error: unknown) =>
      say(`You are still signed in: ${error instanceof Error ? error.message : String(error)}.`),
    );
  };
  const until = session.Expires === null ? "" : `, until ${moment(session.Expires)} at the latest`;
  return (
    <>
      <button type="button" onClick={leave} title={`Signed in as ${session.Name}${until}`}>
        Sign out
      </button>
      {said ? (
        <span role="alert" class="negative-text">
          {said}
        </span>
      ) : null}
    </>
  );
}

/** What a moment of the past is called, and the ways from it: to the snapshots beside it, to now, and what changed since. */
function PastLine({ at, route, steps }: { at: string; route: Route; steps: Steps }) {
  const code = route.args[0];
  return (
    <section class="past-line" aria-label="The moment that is shown">
      <span role="status">
        You see everything as it was at{" "}
        <strong>
          <time dateTime={at} title={utc(at)}>
            {moment(at, true)}
          </time>
        </strong>
        .
      </span>
      <StepButtons steps={steps} isNow={false} />
      {code !== undefined && route.view !== "compare" ? (
        <a href={href("compare", [code], { at: null, from: at })}>What changed since</a>
      ) : null}
      <button type="button" onClick={() => change({ at: null })}>
        Back to now
      </button>
    </section>
  );
}

/** Who opens another view is told so, and goes on from its beginning. */
function useArrival(route: Route): void {
  const place = [route.view, ...route.args].join("/");
  const last = useRef(place);
  useEffect(() => {
    if (last.current === place) return;
    last.current = place;
    document.getElementById("main")?.focus({ preventScroll: true });
    scrollTo({ top: 0, behavior: "instant" });
  }, [place]);
}

function Page({ session }: { session: Session }) {
  const route = useRoute();
  const steps = useSteps(route);
  const { at } = route.query;
  useShortcut("[", steps.back);
  useShortcut("]", steps.on);
  useArrival(route);
  return (
    <>
      <button class="skip" type="button" onClick={() => document.getElementById("main")?.focus()}>
        To the figures
      </button>
      <header class="bar">
        <a class="brand" href={href("overview")}>
          <Mark /> ibconnect
        </a>
        <nav aria-label="Views">
          {VIEWS.filter((each) => each.isInBar).map((each) => (
            <a key={each.name} href={href(each.name)} aria-current={each.name === route.view ? "page" : undefined}>
              {each.title}
            </a>
          ))}
        </nav>
        <div class="tools">
          <AccountFinder route={route} />
          <MomentPicker at={at} steps={steps} />
          <Theme />
          <Who session={session} />
        </div>
      </header>
      <StatusLine isPast={at !== undefined} />
      {at ? <PastLine at={at} route={route} steps={steps} /> : null}
      <main id="main" tabIndex={-1}>
        <Boundary key={[route.view, ...route.args].join("/")}>
          {at === undefined || isMoment(at) ? (
            <Outlet route={route} />
          ) : (
            <Empty>
              <h1>There is no such moment</h1>
              <p>The address names the moment “{at}”, which cannot be read. It is written like 2026-11-26T14:30:00Z.</p>
            </Empty>
          )}
        </Boundary>
      </main>
      <footer class="foot">
        <a href="docs">The API</a>
        <span>Times are in your zone ({ZONE}); hover one for UTC.</span>
        <Shortcuts />
      </footer>
    </>
  );
}

export function App() {
  const who = useWho();
  useEffect(() => void look(), []);
  if (who.state === "asking") return <Loading what="the page" />;
  if (who.state === "failed") return <Away problem={who.problem} />;
  if (who.state === "out") return <SignIn why={who.why} />;
  if (!may("read"))
    return (
      <NoRight name={who.session.Name}>
        <Who session={who.session} />
      </NoRight>
    );
  return <Page session={who.session} />;
}
