/** One account: how it did, how far it is from a margin call, and all figures of its balance. */

import { Empty, Failure, Shown } from "../components/basics";
import { href } from "../route";
import { type Asked, asked, useEver, usePerformance } from "./account/asking";
import { Balance } from "./account/balance";
import { CurvePanel } from "./account/curve";
import { Head, TABS, type Tab, Title, Ways } from "./account/head";
import { MarginCurve, MarginNow } from "./account/margin";
import { Months } from "./account/months";
import { type Report, useReport } from "./account/report";
import { Returns, Risk } from "./account/returns";
import { useOverview } from "./overview/asking";
import type { ViewProps } from "./registry";

function Performances({ of }: { of: Asked }) {
  const performance = usePerformance(of);
  const ever = useEver(of);
  return (
    <>
      <CurvePanel asked={of} performance={performance} />
      <Shown from={performance} what="the returns">
        {(found) => (
          <div class="grid">
            <Returns found={found} />
            <Risk found={found} />
          </div>
        )}
      </Shown>
      {ever.problem && performance.problem ? null : (
        <Shown from={ever} what="the months">
          {(found) => <Months found={found} asked={of} />}
        </Shown>
      )}
    </>
  );
}

function Part({ of, tab, report }: { of: Asked; tab: Tab; report: Report | null }) {
  if (tab === "performance") return <Performances of={of} />;
  if (report === null) return <Empty>No snapshot of this account is recorded at this moment.</Empty>;
  if (tab === "balance") return <Balance report={report} asked={of} />;
  return (
    <>
      <MarginNow report={report} />
      <MarginCurve asked={of} />
    </>
  );
}

/** No report is no failure: statements may know the account, or there was none yet at the moment. */
const NO_REPORT = "unknown-snapshot";

function Account({ of, tab }: { of: Asked; tab: Tab }) {
  const report = useReport(of);
  const { group: _, ...query } = of.query;
  const all = useOverview(query).data;
  const row = all?.Accounts.find((each) => each.AccountCode === of.code);
  const isWithout = report.data === null && report.problem?.code === NO_REPORT;
  if (report.data === null && report.problem?.status === 404 && !isWithout)
    return (
      <>
        <Title code={of.code} row={row} />
        <Failure problem={report.problem} />
        <p>
          <a href={href("overview")}>All accounts</a>
        </p>
      </>
    );
  return (
    <>
      <Title code={of.code} row={row} />
      {isWithout ? (
        <p class="state">
          No snapshot of this account {of.at ? "was recorded by then" : "is recorded yet"}; what statements say of it is
          below.
        </p>
      ) : (
        <Shown from={report} what="the account" height={92}>
          {(found) => <Head report={found} all={all} at={of.at} />}
        </Shown>
      )}
      <Ways asked={of} tab={tab} />
      <Part of={of} tab={tab} report={report.data} />
    </>
  );
}

export default function View({ route: { args, query } }: ViewProps) {
  const [code] = args;
  if (!code)
    return (
      <Empty>
        Which account? Choose one in the <a href={href("overview")}>overview</a>.
      </Empty>
    );
  const tab = TABS.find(([name]) => name === query.tab)?.[0] ?? "performance";
  return <Account key={code} of={asked(code, query)} tab={tab} />;
}
