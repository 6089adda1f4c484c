/** Finds an account by its code or alias and opens it: a field in the bar, which the key `/` leads to. */

import { useEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import { address } from "../api/client";
import { useGet } from "../data";
import { href, isMoment, type Route } from "../route";
import { useShortcut } from "../shortcuts";

interface Listed {
  AccountCode: string;
  Listed: boolean;
}

interface Named {
  AccountCode: string;
  Alias: string | null;
}

interface Found {
  code: string;
  alias: string;
  isListed: boolean;
}

const MOST = 40;
/** Views that show one account: choosing another one stays in them. */
const OF_ACCOUNT = ["account", "positions", "activity", "compare"];

const normal = (text: string): string =>
  text
    .normalize("NFD")
    .replace(/\p{Diacritic}/gu, "")
    .toLowerCase();

/** Accounts whose code or alias holds all words; those that begin with them first. */
export function matching(all: readonly Found[], text: string): Found[] {
  const words = normal(text).split(/\s+/).filter(Boolean);
  const found = all.filter(({ code, alias }) => words.every((word) => normal(`${code} ${alias}`).includes(word)));
  const begins = ({ code, alias }: Found) =>
    words.length > 0 && (normal(code).startsWith(words[0] ?? "") || normal(alias).startsWith(words[0] ?? ""));
  return [...found.filter(begins), ...found.filter((each) => !begins(each))];
}

function useAccounts(at: string | undefined): readonly Found[] {
  const listed = useGet<Listed[]>(address("v1/accounts"));
  // What is no moment is told in the view's place: it is not asked for.
  const named = useGet<Named[]>(address("v1/directory", { at: at !== undefined && isMoment(at) ? at : null }));
  return useMemo(() => {
    const aliases = new Map((named.data ?? []).map((each) => [each.AccountCode, each.Alias ?? ""]));
    return (listed.data ?? []).map((each) => ({
      code: each.AccountCode,
      alias: aliases.get(each.AccountCode) ?? "",
      isListed: each.Listed,
    }));
  }, [listed.data, named.data]);
}

function addressOf(route: Route, code: string): string {
  const isKept = route.args[0] !== undefined && OF_ACCOUNT.includes(route.view);
  return isKept ? href(route.view, [code], route.query) : href("account", [code]);
}

export function AccountFinder({ route }: { route: Route }) {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [text, setText] = useState("");
  const [isOpen, open] = useState(false);
  const [index, setIndex] = useState(0);
  const all = useAccounts(route.query.at);
  const found = useMemo(() => (isOpen ? matching(all, text) : []), [all, text, isOpen]);
  const shown = found.slice(0, MOST);
  useShortcut("/", () => input.current?.focus());
  useEffect(() => list.current?.children[index]?.scrollIntoView({ block: "nearest" }), [index]);
  const leave = () => {
    open(false);
    setText("");
    input.current?.blur();
  };
  const choose = (code: string) => {
    location.hash = addressOf(route, code);
    leave();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const chosen = shown[index];
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (isOpen) setIndex((index + step + shown.length) % Math.max(1, shown.length));
      else open(true);
    } else if (event.key === "Enter" && chosen !== undefined) choose(chosen.code);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const current = route.args[0] !== undefined && OF_ACCOUNT.includes(route.view) ? route.args[0] : undefined;
  return (
    <search class="finder">
      <input
        ref={input}
        type="search"
        // biome-ignore lint/a11y/noRedundantRoles: without a list of its own it is none by itself
        role="combobox"
        list={undefined}
        aria-label="Find an account"
        aria-expanded={isOpen}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && shown.length > 0 ? `${id}-${index}` : undefined}
        aria-keyshortcuts="/"
        placeholder={current ?? "Find an account  /"}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onFocus={() => open(true)}
        onBlur={() => open(false)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setIndex(0);
          open(true);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={id} ref={list} role="listbox" aria-label="Accounts" class="menu" hidden={!isOpen}>
        {shown.map((each, number) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field that it belongs to has the keys
          <div
            key={each.code}
            id={`${id}-${number}`}
            role="option"
            tabIndex={-1}
            aria-selected={number === index}
            // Before the field loses the focus, which closes the list.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(each.code)}
          >
            <span>{each.code}</span>
            <span class="soft">{each.alias}</span>
            {each.isListed ? null : <span class="soft">no longer listed</span>}
          </div>
        ))}
        {isOpen && found.length === 0 ? (
          <div role="option" tabIndex={-1} aria-selected="false" aria-disabled="true" class="soft">
            {all.length === 0 ? "There are no accounts yet." : `No account is called “${text}”.`}
          </div>
        ) : null}
        {found.length > MOST ? (
          <div role="option" tabIndex={-1} aria-selected="false" aria-disabled="true" class="soft">
            and {found.length - MOST} more: write more of it
          </div>
        ) : null}
      </div>
    </search>
  );
}
