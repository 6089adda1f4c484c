/** A Flex statement's document: what is known of it, and its bytes. */

import { address, part } from "../../api/client";
import { Fact, Facts, Figure, Panel, Shown, Time } from "../../components/basics";
import { Copyable } from "../../components/copyable";
import { useGet } from "../../data";
import { href } from "../../route";
import { may } from "../../session";

interface Document {
  Id: string;
  Sha256: string;
  Bytes: string;
  Received: string;
  Source: string;
  Name: string | null;
  By: string | null;
  Statements: string;
  Accounts: string[];
  From: string | null;
  To: string | null;
  Elements: string;
}

const SOURCES: Record<string, string> = {
  flex: "IBKR's Flex Web Service, by the schedule of this service",
  file: "a file that was imported",
  http: "sent to the API",
};

export function StatementView({ id }: { id: string }) {
  const found = useGet<Document>(address(`v1/statements/${part(id)}`));
  const bytes = address(`v1/statements/${part(id)}/document`);
  return (
    <Panel title="A Flex statement, as IBKR made it" wide>
      <Shown from={found} what="the statement">
        {(document) => (
          <>
            <Facts>
              <Fact name="Days">
                <Time at={document.From} /> to <Time at={document.To} />
              </Fact>
              <Fact name="Received">
                <Time at={document.Received} seconds />
              </Fact>
              <Fact name="From">{SOURCES[document.Source] ?? document.Source}</Fact>
              <Fact name="Name">{document.Name ?? "–"}</Fact>
              {document.By ? <Fact name="By token">{document.By}</Fact> : null}
              <Fact name="Statements in it" hint="One document may hold many: of several accounts and days">
                <Figure of={document.Statements} as="digits" />
              </Fact>
              <Fact name="Elements" hint="Rows of all kinds that it says">
                <Figure of={document.Elements} as="digits" />
              </Fact>
              <Fact name="Bytes">
                <Figure of={document.Bytes} as="digits" />
              </Fact>
            </Facts>
            <p>
              Accounts:{" "}
              {document.Accounts.map((code, index) => (
                <span key={code}>
                  {index > 0 ? ", " : ""}
                  <a href={href("account", [code])}>{code}</a>
                </span>
              ))}
            </p>
            {may("events") ? (
              <p>
                <a href={bytes} download={`${document.Id}.xml`}>
                  Download its bytes
                </a>{" "}
                <span class="soft">as they came: it also names its holder and the address.</span>
              </p>
            ) : (
              <p class="soft">Its bytes take the right “events”: they also name the holder and the address.</p>
            )}
            <details class="check" open>
              <summary>Check it yourself</summary>
              <p>The file that you download has this SHA-256:</p>
              <Copyable label="the hash" text={document.Sha256} />
              <p>Compare it with that of the file that IBKR gave you:</p>
              <Copyable
                label="the command"
                text={`sha256sum ${document.Name?.endsWith(".xml") ? document.Name : "statement.xml"}`}
              />
            </details>
          </>
        )}
      </Shown>
    </Panel>
  );
}
