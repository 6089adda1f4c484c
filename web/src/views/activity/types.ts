/** Rows of what happened, as the API gives them; numbers are text. Members that no view reads are left out. */

type Text = string | null;

/** A row of `…/executions`. */
export interface Execution {
  AccountCode: string;
  ExecutionId: Text;
  Time: Text;
  TimeAsSent: Text;
  IbContractId: Text;
  Symbol: Text;
  LocalSymbol: Text;
  SecurityType: Text;
  Side: Text;
  Shares: Text;
  Price: Text;
  CurrencyCode: Text;
  Exchange: Text;
  Commission: Text;
  CommissionCurrency: Text;
  RealizedPNL: Text;
  PermId: Text;
  OrderRef: Text;
  Multiplier: Text;
  Strike: Text;
  Right: Text;
  Expiry: Text;
  Combo: Text;
  Corrects: string[];
  Gateway: Text;
  Received: string;
  Remarks: string[];
  Source: "gateway" | "statement" | "both";
  LongName: Text;
  Statement: Text;
  Differences: Record<string, unknown> | null;
  /** The events that tell of it and of its commission; null: only a statement does. */
  Position: Text;
  CommissionPosition: Text;
}

export interface OrderState {
  Ordinal: string;
  Status: Text;
  Filled: Text;
  Remaining: Text;
  AvgFillPrice: Text;
  WhyHeld: Text;
  TotalQuantity: Text;
  OrderType: Text;
  LmtPrice: Text;
  FirstSeen: string;
  LastSeen: string;
  Position: Text;
}

/** A row of `…/orders`. */
export interface Order {
  AccountCode: Text;
  PermId: Text;
  ClientId: Text;
  OrderId: Text;
  Status: Text;
  Filled: Text;
  Remaining: Text;
  AvgFillPrice: Text;
  IsOpen: boolean;
  IbContractId: Text;
  Symbol: Text;
  LocalSymbol: Text;
  SecurityType: Text;
  CurrencyCode: Text;
  Strike: Text;
  Right: Text;
  Expiry: Text;
  Action: Text;
  TotalQuantity: Text;
  OrderType: Text;
  LmtPrice: Text;
  AuxPrice: Text;
  Tif: Text;
  OrderRef: Text;
  Commission: Text;
  CommissionCurrency: Text;
  WarningText: Text;
  RejectReason: Text;
  CompletedStatus: Text;
  FirstSeen: string;
  LastSeen: string;
  Position: Text;
  StateCount: string;
  States: OrderState[];
}

/** What all rows of statements have. */
interface Stated {
  AccountCode: string;
  Day: string;
  Time?: Text;
  IbContractId: Text;
  Symbol: Text;
  SecurityType: Text;
  Description: Text;
  CurrencyCode: Text;
  FxRateToBase: Text;
  TransactionId?: Text;
  Statement: Text;
  Section: Text;
}

export interface CashFlow extends Stated {
  Type: string;
  External: boolean;
  Scope: Text;
  Counterparty: Text;
  IsAsset: boolean;
  Amount: Text;
  AmountInBase: Text;
  SettleDay: Text;
}

export interface Transfer extends Stated {
  Type: Text;
  Direction: Text;
  Counterparty: Text;
  Quantity: Text;
  Price: Text;
  Amount: Text;
  Cash: Text;
}

export interface CorporateAction extends Stated {
  Type: Text;
  ActionDescription: Text;
  Quantity: Text;
  Amount: Text;
  Proceeds: Text;
  Value: Text;
  RealizedPNL: Text;
}

export interface OptionEvent extends Stated {
  Type: Text;
  UnderlyingSymbol: Text;
  Right: Text;
  Expiry: Text;
  Strike: Text;
  Quantity: Text;
  Price: Text;
  Proceeds: Text;
  RealizedPNL: Text;
}

export interface Accrual extends Stated {
  Kind: Text;
  FromDay: Text;
  ToDay: Text;
  ExDay: Text;
  PayDay: Text;
  Quantity: Text;
  GrossRate: Text;
  GrossAmount: Text;
  Tax: Text;
  NetAmount: Text;
  Ending: Text;
  Code: Text;
}

/** A row of `v1/statements`. */
export interface Statement {
  Id: string;
  Number: string;
  AccountCode: string;
  From: Text;
  To: Text;
  Generated: Text;
  Query: Text;
  BaseCurrency: Text;
  Elements: string;
  Unread: string;
  Oddities: string;
  Bytes: string;
  Received: string;
  Source: Text;
  Name: Text;
  Sha256: string;
  Statement: string;
}
