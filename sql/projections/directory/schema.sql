-- version: 1
-- title: directory tables

-- What a login's directory says, and from when until when (null: it holds). `kind`: alias (`value` is what `account` is called),
-- group (`group_name`; `value` is the default method of allocating its orders), member (`account` is in that group; `value` is its
-- share, empty where it has none), family (`value` is the code of the family that `account` belongs to). `position`: of the message
-- that said so first.
CREATE TABLE entry (
    gateway text NOT NULL,
    kind text NOT NULL,
    group_name text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    value text NOT NULL,
    since timestamptz NOT NULL,
    until timestamptz,
    position bigint NOT NULL
);

-- What is said is compared with what holds, in a rebuild as well: this is there from the start.
CREATE UNIQUE INDEX entry_holding_idx ON entry (gateway, kind, group_name, account) WHERE until IS NULL;

-- When a gateway said last all entries of a kind.
CREATE TABLE told (
    gateway text NOT NULL,
    kind text NOT NULL,
    told timestamptz NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (gateway, kind)
);
