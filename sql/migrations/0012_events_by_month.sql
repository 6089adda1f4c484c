-- The events, partitioned by the ids of their streams. These grow with time (UUIDv7), so a range of ids is a span of
-- time: a month is a table of its own, the primary key holds over all, and a stream lies in one partition as a whole.
--
-- The table that there is becomes one of the partitions as it is. Postgres must know that no row of it lies outside of
-- its span, and looks through all of it for that: in the second step, while everybody reads. The third changes the
-- tables, in a moment, whatever they hold.

-- step: bound
-- Up to which id the table may hold events: to the beginning of a month that is more than a month away. No bound where
-- nothing is recorded yet, nor where a stream began beyond it by a wrong clock: its events are moved by the third step.
SET LOCAL search_path = pg_catalog;
LOCK TABLE public.stored_events IN ACCESS EXCLUSIVE MODE;

-- The lowest id of a stream that began at a time or later: an id begins with 48 bits of milliseconds.
CREATE OR REPLACE FUNCTION coordination.lowest_id(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN rpad(lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0'), 32, '0')::uuid;

-- The first day of the month in which a stream began.
CREATE OR REPLACE FUNCTION coordination.month_of(stream uuid) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN date_trunc(
    'month',
    to_timestamp(('x' || left(replace(stream::text, '-', ''), 12))::bit(48)::bigint / 1000.0) AT TIME ZONE 'UTC'
)::date;

-- The lowest id of the month that begins with this day; of the present one, or of one so many months later.
CREATE OR REPLACE FUNCTION coordination.beginning_of(month date) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coordination.lowest_id(month::timestamp AT TIME ZONE 'UTC');

CREATE OR REPLACE FUNCTION coordination.present_month(later integer DEFAULT 0) RETURNS date
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN (date_trunc('month', now() AT TIME ZONE 'UTC') + later * interval '1 month')::date;

-- What refers to the table itself, and would go on without a word with what was recorded until today.
DO $$
DECLARE
    may_act text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
    obstacles text := (
        SELECT string_agg(what, ', ' ORDER BY what)
        FROM (
            SELECT
                CASE
                    WHEN relkind <> 'v' THEN format('rule or materialized view %s', ev_class::regclass)
                    WHEN NOT pg_has_role(relowner, may_act)
                    THEN format('view %s, which belongs to %I', ev_class::regclass, pg_get_userbyid(relowner))
                    ELSE format('view %s, which %I may not make again there', ev_class::regclass, pg_get_userbyid(relowner))
                END
            FROM pg_depend
            INNER JOIN pg_rewrite ON pg_rewrite.oid = objid
            INNER JOIN pg_class ON pg_class.oid = ev_class
            WHERE classid = 'pg_rewrite'::regclass
              AND refclassid = 'pg_class'::regclass
              AND refobjid = 'public.stored_events'::regclass
              AND (
                  relkind <> 'v'
                  OR NOT pg_has_role(relowner, may_act)
                  OR NOT has_schema_privilege(relowner, relnamespace, 'CREATE')
              )
            UNION
            SELECT format('function %s', objid::regprocedure)
            FROM pg_depend
            WHERE classid = 'pg_proc'::regclass
              AND refclassid = 'pg_class'::regclass
              AND refobjid = 'public.stored_events'::regclass
            UNION
            SELECT format('its row type in %s', pg_describe_object(classid, objid, objsubid))
            FROM pg_depend
            INNER JOIN pg_class ON pg_class.reltype = refobjid
            WHERE refclassid = 'pg_type'::regclass
              AND deptype <> 'i'
              AND pg_class.oid = 'public.stored_events'::regclass
            UNION
            SELECT 'row level security'
            FROM pg_class
            WHERE oid = 'public.stored_events'::regclass AND (relrowsecurity OR relforcerowsecurity)
            UNION
            SELECT format('foreign key %I of %s', conname, conrelid::regclass)
            FROM pg_constraint
            WHERE contype = 'f' AND 'public.stored_events'::regclass IN (conrelid, confrelid)
            UNION
            SELECT format('publication %I', pubname)
            FROM pg_publication_rel
            INNER JOIN pg_publication ON pg_publication.oid = prpubid
            WHERE prrelid = 'public.stored_events'::regclass
            UNION
            SELECT format('trigger %I', tgname)
            FROM pg_trigger
            WHERE tgrelid = 'public.stored_events'::regclass
              AND NOT tgisinternal
              AND (tgtype & 1 = 1 OR tgnewtable IS NOT NULL OR tgoldtable IS NOT NULL)
            UNION
            SELECT format('policy %I', polname)
            FROM pg_policy
            WHERE polrelid = 'public.stored_events'::regclass
        ) AS found (what)
    );
BEGIN
    IF obstacles IS NOT NULL THEN
        RAISE EXCEPTION 'this cannot follow public.stored_events into partitions: %', obstacles
            USING HINT = 'Drop it, migrate, and make it again.';
    END IF;
END
$$;

DO $$
DECLARE
    beyond uuid := coordination.beginning_of(coordination.present_month(2));
    known uuid := (
        SELECT substring(pg_get_constraintdef(oid) FROM '''([0-9a-f-]{36})''')
        FROM pg_constraint
        WHERE conrelid = 'public.stored_events'::regclass AND conname = 'stored_events_before_span'
    );
BEGIN
    -- That of another who migrates, or of a migration that was cut off a moment ago.
    IF known >= coordination.lowest_id(now() + interval '7 days') THEN
        RETURN;
    END IF;
    ALTER TABLE public.stored_events DROP CONSTRAINT IF EXISTS stored_events_before_span;
    IF EXISTS (SELECT FROM public.stored_events)
       AND NOT EXISTS (SELECT FROM public.stored_events WHERE originator_id >= beyond) THEN
        EXECUTE format(
            'ALTER TABLE public.stored_events ADD CONSTRAINT stored_events_before_span CHECK (originator_id < %L) NOT VALID',
            beyond
        );
    END IF;
END
$$;

-- The lowest id of the month in which a stream began, and of the month after it. Between them is one partition at most:
-- who looks for the stream before or after another looks there first, and not at once in all that there are.
CREATE OR REPLACE FUNCTION coordination.month_from(stream uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coordination.beginning_of(coordination.month_of(stream));

CREATE OR REPLACE FUNCTION coordination.month_until(stream uuid) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN coordination.beginning_of((coordination.month_of(stream) + interval '1 month')::date);

-- step: look
-- Everybody reads meanwhile. An instance of the version before, which locks the table to store, keeps in its journal
-- what arrives.
SET LOCAL search_path = pg_catalog;

DO $$
BEGIN
    IF EXISTS (
        SELECT
        FROM pg_constraint
        WHERE conrelid = 'public.stored_events'::regclass
          AND conname = 'stored_events_before_span'
          AND NOT convalidated
    ) THEN
        ALTER TABLE public.stored_events VALIDATE CONSTRAINT stored_events_before_span;
    END IF;
END
$$;

-- step: change
SET LOCAL search_path = pg_catalog;
LOCK TABLE public.stored_events IN ACCESS EXCLUSIVE MODE;

-- The partitions of the events, with the ids that each takes: from the lowest up to before the other, null: to the end.
-- The one for all ids that no other takes has neither.
CREATE FUNCTION coordination.partitions() RETURNS TABLE (name text, lowest uuid, beyond uuid)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT
        relation.relname::text,
        CASE
            WHEN bound.said <> 'DEFAULT'
            THEN coalesce(substring(bound.said FROM 'FROM \(''([0-9a-f-]{36})''\)'), repeat('0', 32))::uuid
        END,
        substring(bound.said FROM 'TO \(''([0-9a-f-]{36})''\)')::uuid
    FROM pg_inherits AS part
    INNER JOIN pg_class AS relation ON relation.oid = part.inhrelid
    CROSS JOIN LATERAL pg_get_expr(relation.relpartbound, relation.oid) AS bound (said)
    WHERE part.inhparent = to_regclass('public.stored_events')
$$;

-- The months that should have a partition and have none: the present one, the three that follow, and those of which
-- events lie where all goes that has no partition. Others that lie there were recorded by a clock that is far ahead.
CREATE FUNCTION coordination.missing_months() RETURNS SETOF date
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    reached uuid := coordination.lowest_id(to_timestamp(0));
    stream uuid;
BEGIN
    RETURN QUERY
    SELECT wanted.month
    FROM generate_series(0, 3) AS later
    CROSS JOIN LATERAL coordination.present_month(later) AS wanted (month)
    WHERE NOT EXISTS (
        SELECT
        FROM coordination.partitions() AS part
        WHERE part.lowest <= coordination.beginning_of(wanted.month)
          AND (part.beyond IS NULL OR part.beyond > coordination.beginning_of(wanted.month))
    );
    LOOP
        SELECT originator_id INTO stream
        FROM public.stored_events_other
        WHERE originator_id >= reached AND originator_id < coordination.beginning_of(coordination.present_month())
        ORDER BY originator_id
        LIMIT 1;
        EXIT WHEN stream IS NULL;
        RETURN NEXT coordination.month_of(stream);
        reached := coordination.month_until(stream);
    END LOOP;
END
$$;

-- Put the triggers of a table on another one: those for statements, which Postgres gives to no partition. Whoever names a
-- partition itself changes it as little, and adds to it in turn.
CREATE FUNCTION coordination.copy_triggers(source regclass, target regclass) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog
AS $$
DECLARE
    known record;
BEGIN
    FOR known IN
        SELECT
            tgname,
            pg_get_triggerdef(oid) AS says,
            CASE tgenabled
                WHEN 'A' THEN 'ENABLE ALWAYS'
                WHEN 'R' THEN 'ENABLE REPLICA'
                WHEN 'D' THEN 'DISABLE'
                ELSE 'ENABLE'
            END AS mode
        FROM pg_trigger
        WHERE tgrelid = source AND NOT tgisinternal AND tgtype & 1 = 0
        ORDER BY tgname
    LOOP
        EXECUTE replace(known.says, format(' ON %s FOR EACH STATEMENT', source), format(' ON %s FOR EACH STATEMENT', target));
        -- Ours always fire: else a session with session_replication_role = replica would skip them. Another's may be disabled.
        EXECUTE format('ALTER TABLE ONLY %s %s TRIGGER %I', target, known.mode, known.tgname);
    END LOOP;
END
$$;

REVOKE EXECUTE ON FUNCTION coordination.copy_triggers(regclass, regclass) FROM PUBLIC;

-- A table that can be a partition: with its indexes, and as immutable as the others. Whoever may read the events may
-- read it; nobody else may do anything with it. (The index of positions is unique in each: over all they come from one
-- sequence.)
CREATE FUNCTION coordination.make_partition(name text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog
AS $$
DECLARE
    statement text;
BEGIN
    EXECUTE format(
        'CREATE TABLE public.%I ('
        'LIKE public.stored_events INCLUDING DEFAULTS INCLUDING STORAGE, '
        'CONSTRAINT %I PRIMARY KEY (originator_id, originator_version) WITH (fillfactor = 100)'
        ') WITH ('
        'autovacuum_enabled = true, autovacuum_vacuum_insert_threshold = 1000000, autovacuum_vacuum_insert_scale_factor = 0.05, '
        'autovacuum_analyze_threshold = 1000, autovacuum_analyze_scale_factor = 0.05)',
        name, name || '_pkey'
    );
    EXECUTE format(
        'CREATE UNIQUE INDEX %I ON public.%I (notification_id) WITH (fillfactor = 100)', name || '_notification_id_idx', name
    );
    PERFORM coordination.copy_triggers('public.stored_events', format('public.%I', name)::regclass);
    FOR statement IN
        SELECT format(
            'GRANT SELECT ON public.%I TO %s',
            name,
            CASE WHEN granted.grantee = 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END
        )
        FROM pg_class
        CROSS JOIN LATERAL aclexplode(relacl) AS granted
        WHERE pg_class.oid = 'public.stored_events'::regclass
          AND granted.privilege_type = 'SELECT'
          AND granted.grantee <> relowner
    LOOP
        EXECUTE statement;
    END LOOP;
    EXECUTE format(
        'ALTER TABLE public.%I OWNER TO %s',
        name,
        (SELECT relowner::regrole FROM pg_class WHERE oid = 'public.stored_events'::regclass)
    );
END
$$;

REVOKE EXECUTE ON FUNCTION coordination.make_partition(text) FROM PUBLIC;

-- Make the partition of a month that is missing; false: it is not, or no more. With the rights of the owner, for a
-- service that must not make tables and runs for years. Events of that month that are stored already are moved, if they
-- are not more than that: whoever stores waits meanwhile. Nobody is waited for for long: all who store would queue behind.
CREATE FUNCTION coordination.make_month(month date, most bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    name text;
    lowest uuid;
    beyond uuid;
    there bigint;
BEGIN
    IF month NOT IN (SELECT coordination.missing_months()) THEN
        RETURN FALSE;
    END IF;
    -- One at a time, and each looks again at what others have made.
    LOCK TABLE ONLY public.stored_events IN SHARE UPDATE EXCLUSIVE MODE;
    IF month NOT IN (SELECT coordination.missing_months()) THEN
        RETURN FALSE;
    END IF;
    name := to_char(month, '"stored_events_"YYYY_MM');
    lowest := coordination.beginning_of(month);
    beyond := coordination.month_until(lowest);
    IF to_regclass(format('public.%I', name)) IS NOT NULL THEN
        RAISE EXCEPTION 'public.% is there already, and is no partition of public.stored_events', name
            USING ERRCODE = 'duplicate_table', HINT = 'Give it another name.';
    END IF;
    PERFORM coordination.make_partition(name);
    -- What is moved is added in turn, like all events. Before the other lock: who stores takes them in this order.
    IF EXISTS (
        SELECT
        FROM public.stored_events_other
        WHERE originator_id >= lowest AND originator_id < beyond
    ) THEN
        LOCK TABLE coordination.append_turn IN EXCLUSIVE MODE;
    END IF;
    -- Nothing may come between looking and attaching.
    LOCK TABLE public.stored_events_other IN ACCESS EXCLUSIVE MODE;
    SELECT count(*) INTO there
    FROM (
        SELECT
        FROM public.stored_events_other
        WHERE originator_id >= lowest AND originator_id < beyond
        LIMIT least(most, 9223372036854775806) + 1
    ) AS found;
    IF there > most THEN
        RAISE EXCEPTION 'public.stored_events_other holds more than % events of %', most, to_char(month, 'YYYY-MM')
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Run ibconnect migrate as the owner of the events.';
    END IF;
    IF there > 0 THEN
        EXECUTE format(
            'INSERT INTO public.%I SELECT * FROM public.stored_events_other '
            'WHERE originator_id >= %L AND originator_id < %L ORDER BY originator_id, originator_version',
            name, lowest, beyond
        );
        ALTER TABLE public.stored_events_other DISABLE TRIGGER events_are_immutable;
        DELETE FROM public.stored_events_other WHERE originator_id >= lowest AND originator_id < beyond;
        ALTER TABLE public.stored_events_other ENABLE ALWAYS TRIGGER events_are_immutable;
    END IF;
    EXECUTE format(
        'ALTER TABLE public.stored_events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', name, lowest, beyond
    );
    RETURN TRUE;
END
$$;

REVOKE EXECUTE ON FUNCTION coordination.make_month(date, bigint) FROM PUBLIC;

-- Which of the tables it is.
CREATE OR REPLACE FUNCTION public.refuse_change_of_events() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are immutable: % of public.% is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege',
              HINT = 'Record a new event instead; projections can be rebuilt.';
END
$$;

-- A view means a table, whatever it is called: those upon the events have to name the new one. What they
-- say is kept as a text while the name changes its table.
SELECT set_config(
    'ibconnect.views',
    (
        SELECT coalesce(json_agg(json_build_object(
            'name', relation.oid::regclass::text,
            'owner', relation.relowner::regrole::text,
            'options', array_to_string(relation.reloptions, ', '),
            'says', pg_get_viewdef(relation.oid)
        )), '[]')
        FROM pg_class AS relation
        WHERE relation.relkind = 'v'
          AND EXISTS (
              SELECT
              FROM pg_rewrite AS rewrite
              INNER JOIN pg_depend AS dependency
                  ON dependency.classid = 'pg_rewrite'::regclass AND dependency.objid = rewrite.oid
              WHERE rewrite.ev_class = relation.oid
                AND dependency.refclassid = 'pg_class'::regclass
                AND dependency.refobjid = 'public.stored_events'::regclass
          )
    )::text,
    TRUE
);

ALTER TABLE public.stored_events RENAME TO stored_events_before;
ALTER TABLE public.stored_events_before RENAME CONSTRAINT stored_events_pkey TO stored_events_before_pkey;
ALTER INDEX public.stored_events_notification_id_idx RENAME TO stored_events_before_notification_id_idx;

CREATE TABLE public.stored_events (
    notification_id bigint NOT NULL DEFAULT nextval('public.stored_events_notification_id_seq'::regclass),
    originator_version bigint NOT NULL,
    originator_id uuid NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    CONSTRAINT stored_events_pkey PRIMARY KEY (originator_id, originator_version)
)
PARTITION BY RANGE (originator_id);

ALTER TABLE public.stored_events ALTER COLUMN state SET STORAGE EXTERNAL;

SELECT coordination.copy_triggers('public.stored_events_before', 'public.stored_events');

-- Who had a right on the table has it on the new one; on what was there he may go on reading.
DO $$
DECLARE
    statement text;
BEGIN
    EXECUTE format(
        'ALTER TABLE public.stored_events OWNER TO %s',
        (SELECT relowner::regrole FROM pg_class WHERE oid = 'public.stored_events_before'::regclass)
    );
    ALTER SEQUENCE public.stored_events_notification_id_seq OWNED BY public.stored_events.notification_id;
    FOR statement IN
        WITH granted AS (
            SELECT
                right_of.privilege_type || coalesce(' (' || quote_ident(attname) || ')', '') AS what,
                CASE WHEN right_of.grantee = 0 THEN 'PUBLIC' ELSE right_of.grantee::regrole::text END AS whom,
                CASE WHEN right_of.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
            FROM pg_class
            CROSS JOIN LATERAL (
                SELECT
                    NULL AS attname,
                    relacl AS acl
                UNION ALL
                SELECT
                    attname,
                    attacl
                FROM pg_attribute
                WHERE attrelid = pg_class.oid AND attnum > 0
            ) AS rights
            CROSS JOIN LATERAL aclexplode(rights.acl) AS right_of
            WHERE pg_class.oid = 'public.stored_events_before'::regclass AND right_of.grantee <> relowner
        )

        SELECT format('GRANT %s ON public.stored_events TO %s%s', what, whom, option)
        FROM granted
        UNION ALL
        SELECT format('REVOKE %s ON public.stored_events_before FROM %s CASCADE', what, whom)
        FROM granted
        WHERE what <> 'SELECT'
        UNION ALL
        SELECT DISTINCT format('GRANT EXECUTE ON FUNCTION coordination.make_month(date, bigint) TO %s', whom)
        FROM granted
        WHERE what LIKE 'INSERT%' AND whom <> 'PUBLIC'
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

SELECT coordination.make_partition('stored_events_other');

DO $$
DECLARE
    beyond uuid := coalesce(
        (
            SELECT substring(pg_get_constraintdef(oid) FROM '''([0-9a-f-]{36})''')::uuid
            FROM pg_constraint
            WHERE conrelid = 'public.stored_events_before'::regclass AND conname = 'stored_events_before_span'
        ),
        coordination.beginning_of(
            coordination.present_month(CASE WHEN EXISTS (SELECT FROM public.stored_events_before) THEN 2 ELSE 0 END)
        )
    );
    month date;
BEGIN
    -- Those of a clock that is far ahead.
    IF EXISTS (SELECT FROM public.stored_events_before WHERE originator_id >= beyond) THEN
        INSERT INTO public.stored_events_other
        SELECT * FROM public.stored_events_before WHERE originator_id >= beyond ORDER BY originator_id, originator_version;
        ALTER TABLE public.stored_events_before DISABLE TRIGGER events_are_immutable;
        DELETE FROM public.stored_events_before WHERE originator_id >= beyond;
        ALTER TABLE public.stored_events_before ENABLE ALWAYS TRIGGER events_are_immutable;
    END IF;
    EXECUTE format(
        'ALTER TABLE public.stored_events ATTACH PARTITION public.stored_events_before FOR VALUES FROM (MINVALUE) TO (%L)',
        beyond
    );
    ALTER TABLE public.stored_events ATTACH PARTITION public.stored_events_other DEFAULT;
    ALTER TABLE public.stored_events_before DROP CONSTRAINT IF EXISTS stored_events_before_span;
    FOR month IN SELECT coordination.missing_months() LOOP
        PERFORM coordination.make_month(month, 9223372036854775807);
    END LOOP;
END
$$;

-- As the owner of each, whose it stays.
DO $$
DECLARE
    view record;
BEGIN
    FOR view IN
        SELECT *
        FROM json_to_recordset(current_setting('ibconnect.views')::json) AS views (name text, owner text, options text, says text)
    LOOP
        EXECUTE format('SET LOCAL ROLE %s', view.owner);
        EXECUTE format(
            'CREATE OR REPLACE VIEW %s %s AS %s',
            view.name, CASE WHEN view.options <> '' THEN format('WITH (%s)', view.options) END, view.says
        );
        RESET ROLE;
    END LOOP;
END
$$;

-- undo
-- What a migration that does not come to its end must not leave: a bound that refuses events when its time comes.
SET LOCAL search_path = pg_catalog;
ALTER TABLE IF EXISTS ONLY public.stored_events DROP CONSTRAINT IF EXISTS stored_events_before_span;
