/** Which account is shown, or all of them: by code, with what the advisor calls it. */

import { address } from "../api/client";
import { useGet } from "../data";

interface Account {
  AccountCode: string;
  Listed: boolean;
  Latest: string | null;
}

interface Entry {
  AccountCode: string;
  Alias: string | null;
}

/** The codes of all accounts that may be seen, their aliases, and those that no gateway lists any more. */
export interface Accounts {
  codes: string[];
  aliases: ReadonlyMap<string, string>;
  gone: ReadonlySet<string>;
}

export function useAccounts(): Accounts {
  const accounts = useGet<Account[]>(address("v1/accounts"));
  const directory = useGet<Entry[]>(address("v1/directory"));
  const aliases = new Map<string, string>();
  for (const { AccountCode, Alias } of directory.data ?? []) if (Alias) aliases.set(AccountCode, Alias);
  const all = accounts.data ?? [];
  const gone = new Set(all.filter((each) => !each.Listed && each.Latest !== null).map((each) => each.AccountCode));
  return { codes: all.map((each) => each.AccountCode), aliases, gone };
}

export const titleOf = (code: string, aliases: ReadonlyMap<string, string>): string =>
  aliases.has(code) ? `${code} · ${aliases.get(code)}` : code;

interface PickProps {
  accounts: Accounts;
  value: string;
  onChange: (code: string) => void;
  /** What stands for none. */
  all?: string;
}

export function AccountPick({ accounts, value, onChange, all = "All accounts" }: PickProps) {
  const { codes, aliases } = accounts;
  const known = value !== "" && !codes.includes(value) ? [value, ...codes] : codes;
  return (
    <label class="field">
      <span>Account</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{all}</option>
        {known.map((code) => (
          <option key={code} value={code}>
            {titleOf(code, aliases)}
          </option>
        ))}
      </select>
    </label>
  );
}
