/** What a contract is, as IB describes it. */

import { Empty, Fact, Facts, Figure, Panel, Time } from "../../components/basics";
import { classOf, dayOf, rightOf, strikeOf } from "../holdings/types";

/** A row of `v1/contracts`. */
export interface Contract {
  IbContractId: string;
  Symbol: string;
  LocalSymbol: string | null;
  SecurityType: string;
  LongName: string | null;
  ISIN: string | null;
  CUSIP: string | null;
  SecurityIds: string[];
  CurrencyCode: string;
  Exchange: string | null;
  PrimaryExchange: string | null;
  TradingClass: string | null;
  Industry: string | null;
  Category: string | null;
  Subcategory: string | null;
  StockType: string | null;
  Expiry: string | null;
  Strike: string | null;
  Right: string | null;
  Multiplier: string | null;
  MinTick: string | null;
  UnderlyingSymbol: string | null;
  TimeZone: string | null;
  TradingHours: string | null;
  LiquidHours: string | null;
  Coupon: string | null;
  CouponType: string | null;
  BondType: string | null;
  Ratings: string | null;
  IssueDate: string | null;
  Since: string;
  Confirmed: string;
}

/** `20261127:0400-20261127:2000;20261128:CLOSED;…` as the days that are told: open from, to. */
export function hoursOf(text: string | null): { day: string; hours: string }[] {
  return (text ?? "").split(";").flatMap((part) => {
    const found = /^(\d{8}):(?:CLOSED|(\d\d)(\d\d)-\d{8}:(\d\d)(\d\d))$/.exec(part);
    const day = dayOf(found?.[1]);
    if (found === null || day === null) return [];
    return [{ day, hours: found[2] === undefined ? "closed" : `${found[2]}:${found[3]} – ${found[4]}:${found[5]}` }];
  });
}

/** `isLater`: by the moment that is shown IB had not described it yet. */
export function About({ of, isLater }: { of: Contract | undefined; isLater: boolean }) {
  if (of === undefined) {
    return (
      <Panel title="The contract" wide>
        <Empty>IB has not described this contract: it is asked when a gateway first names it.</Empty>
      </Panel>
    );
  }
  const [expiry, right, strike] = [dayOf(of.Expiry), rightOf(of.Right), strikeOf(of.Strike)];
  const words: [string, string | null, string?][] = [
    ["Name", of.LongName],
    ["Class", [classOf(of.SecurityType), of.StockType].filter(Boolean).join(", ")],
    ["Symbol", [of.Symbol, of.LocalSymbol === of.Symbol ? null : of.LocalSymbol].filter(Boolean).join(" · ")],
    ["ISIN", of.ISIN],
    ["CUSIP", of.CUSIP],
    ["Sector", [of.Industry, of.Category, of.Subcategory].filter(Boolean).join(" · ") || null],
    ["Exchange", [of.PrimaryExchange, of.Exchange].filter(Boolean).join(" · ")],
    ["Currency", of.CurrencyCode],
    ["Right", right],
    ["Underlying", of.UnderlyingSymbol],
    ["Coupon", of.Coupon && /[1-9]/.test(of.Coupon) ? `${of.Coupon}% ${of.CouponType ?? ""}` : null],
    ["Ratings", of.Ratings],
    ["IB's id", of.IbContractId, "IbContractId (conId)"],
  ];
  const hours = hoursOf(of.LiquidHours ?? of.TradingHours);
  return (
    <Panel title="The contract" wide>
      <Facts>
        {words.map(([name, value, hint]) =>
          value ? (
            <Fact key={name} name={name} {...(hint ? { hint } : {})}>
              {value}
            </Fact>
          ) : null,
        )}
        {expiry ? (
          <Fact name="Expiry">
            <Time at={expiry} />
          </Fact>
        ) : null}
        {strike && right ? (
          <Fact name="Strike">
            <Figure of={strike} as="digits" unit={of.CurrencyCode} />
          </Fact>
        ) : null}
        {of.Multiplier ? (
          <Fact name="Multiplier" hint="How many units of the underlying one contract is">
            <Figure of={of.Multiplier} as="digits" />
          </Fact>
        ) : null}
        {of.MinTick ? (
          <Fact name="Smallest step of the price">
            <Figure of={of.MinTick} as="digits" />
          </Fact>
        ) : null}
      </Facts>
      {hours.length > 0 ? (
        <>
          <h3>Trading hours ({of.TimeZone ?? "of the exchange"})</h3>
          <ul class="hours">
            {hours.map(({ day, hours: text }) => (
              <li key={day}>
                <Time at={day} /> {text}
              </li>
            ))}
          </ul>
        </>
      ) : null}
      <p class="soft">
        {isLater ? "IB described it only after the moment that is shown: " : "As IB says it "}
        since <Time at={of.Since} />, and last on <Time at={of.Confirmed} />.
      </p>
    </Panel>
  );
}
