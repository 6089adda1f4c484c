-- Events are added by one transaction at a time, so that positions appear in the order of commits: a reader that follows
-- them never steps over an event. Until now each writer locked the table of events for that, which stops for every VACUUM and
-- CREATE INDEX of it, and waits for them. Now there is a table that holds nothing and is only locked.
--
-- Why a lock on a table: any role can take any advisory lock, and so could stop recording. This one nobody can take who may
-- not add events. The lock is in memory alone (a row's lock would be written to disk with every commit), and pg_locks shows
-- who has it, so that a writer whose network is cut can be ended by the next one.
CREATE TABLE coordination.append_turn ();

-- Instances of the version before run on: whoever has a right on their tables has it on this one.
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT
            right_of.privilege_type AS what,
            role.rolname AS whom
        FROM pg_class AS relation
        CROSS JOIN LATERAL aclexplode(relation.relacl) AS right_of
        INNER JOIN pg_roles AS role ON role.oid = right_of.grantee
        WHERE relation.oid = 'coordination.instance'::regclass
          AND right_of.grantee <> relation.relowner
          AND right_of.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    LOOP
        EXECUTE format('GRANT %s ON coordination.append_turn TO %I', granted.what, granted.whom);
    END LOOP;
END
$$;

-- Waits for the turn, and has it until the transaction ends. It runs with the owner's rights, so that whoever may add events
-- needs no other right for it; as a trigger it is had by nobody else.
CREATE FUNCTION coordination.take_append_turn() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog
AS $$
BEGIN
    LOCK TABLE coordination.append_turn IN EXCLUSIVE MODE;
    RETURN NULL;
END
$$;

-- Or anybody could put it on a table of his own.
REVOKE EXECUTE ON FUNCTION coordination.take_append_turn() FROM PUBLIC;

-- Every writer, whatever program it is: the recorder, the eventsourcing library, a person. It fires before the first position
-- is drawn. Writers of the version before lock the table of events first, which waits for those that add to it, and then
-- come here as well: all of them take both locks in the same order.
CREATE TRIGGER one_append_at_a_time
    BEFORE INSERT ON public.stored_events
    FOR EACH STATEMENT EXECUTE FUNCTION coordination.take_append_turn();

-- Without this, a session with session_replication_role = replica would skip the trigger.
ALTER TABLE public.stored_events ENABLE ALWAYS TRIGGER one_append_at_a_time;

-- Whether the state of an event says when it arrived: an object ({...}) does, and so does an array that begins with a number
-- ([1700000000000000,...]); of all others the event before in the stream does. Written so that it is planned as the
-- comparison that it is. (Here, since every role may use this schema.)
CREATE FUNCTION coordination.carries_time(state bytea) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (state >= '{'::bytea AND state < '|'::bytea) OR (state >= '[0'::bytea AND state < '[:'::bytea);
