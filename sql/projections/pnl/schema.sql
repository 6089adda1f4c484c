-- version: 1
-- title: profit and loss tables

-- What gateways said of profit and loss when they were asked: of an account as a whole (contract 0), or of a position in one
-- contract. Null where IB gave no figure. as_sent has, by the names of their columns, the texts of those figures that a number does not
-- give back letter by letter.
CREATE TABLE sample (
    at timestamptz NOT NULL,
    contract bigint NOT NULL,
    position bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    gateway text COLLATE "C" NOT NULL,
    daily numeric,
    unrealized numeric,
    realized numeric,
    size numeric,
    value numeric,
    as_sent jsonb
);
