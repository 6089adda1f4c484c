"""What docs/mechanisms.md promises of elections, in the small world of ``tests/cluster_world.py``.

In: the world, at each step and each move of an instance. Out: nothing; :class:`Broken` if a promise does not hold.
Called by ``tests/cluster_model.py``.
"""

from ibconnect.cluster.states import (
    NEVER,
    Event,
    Leased,
    Mode,
    State,
)
from tests.cluster_world import CONNECT_S, STEP_S, Instance, Situation

# What is promised (docs/mechanisms.md, section 5); a step is added, for this world knows no shorter time.
DEPOSED_S, TAKEN_OVER_S = 2.5 + STEP_S, 5.0 + STEP_S
STANDS_IN_S = CONNECT_S + 15.0 + 3 * STEP_S
LEFT_TO_WHO_RECORDS_S, LEFT_TO_OTHERS_S = 3.0, 5.0


class Broken(AssertionError):
    """A promise that does not hold."""


def check_stop(world: Situation, one: Instance, before: State, event: Event) -> None:
    """A leader that may go on goes on."""
    if one.is_surplus and isinstance(event, Leased):
        return
    if world.holder not in (None, one.number):
        return
    others = [each for each in world.instances if each is not one and each.is_running]
    if not others and not one.known:
        raise Broken(f"{one.number} is alone and stops: {one.state.why}")
    nobody_had_it = all(world.had_pg_at.get(each.number, NEVER) < one.cut_off_at for each in others)
    can_be_asked = all(world.instances[each].is_running and world.instances[each].can_be_asked for each in one.known)
    may_go_on = world.same_client and one.number in world.admitted and not world.has_pg(one)
    if may_go_on and nobody_had_it and can_be_asked:
        raise Broken(f"{one.number} stops although nobody has Postgres, as all say: {one.state.why}")
    if may_go_on and nobody_had_it and one.has_servers_word:
        raise Broken(f"{one.number} stops although the server said that it goes down: {one.state.why}")


def check_lead(world: Situation, one: Instance) -> None:
    """When Postgres is back, whoever records goes on, and is left alone for 3 s."""
    others = [each for each in world.instances if each is not one and each.number in world.admitted]
    is_back = one.registered_since is not None and one.registered_since > one.cut_off_at > NEVER
    could = [each for each in world.instances if each is not one and world.has_pg(each) and each.number in one.known]
    if could and world.now - one.state.given_up_at < LEFT_TO_OTHERS_S:
        raise Broken(f"{one.number} takes what it has just given up")
    is_soon = world.now - (one.registered_since or 0.0) < LEFT_TO_WHO_RECORDS_S
    if others and is_back and is_soon and one.known and one.number not in world.admitted:
        raise Broken(f"{one.number} takes the lease before {others[0].number}, which records, can have it")


def check_stands_in(world: Situation, one: Instance, before: State) -> None:
    if not world.same_client and one.known:
        raise Broken(f"{one.number} stands in, whom the gateway cannot keep apart from the others")
    said = [world.seconds(number) or 0.0 for number in one.known]
    if before.mode is Mode.FOLLOWING and max(said, default=0.0) >= LEFT_TO_WHO_RECORDS_S:
        raise Broken(f"{one.number} stands in although another says that it has Postgres")


def check_silence(world: Situation) -> None:
    """Nobody is silent for longer than is said."""
    running = [each for each in world.instances if each.is_running]
    if not world.gateway_is_up or not running or world.admitted:
        world.silent_since = None
        return
    if world.silent_since is None:
        world.silent_since = world.now
    lasting = world.now - max(world.silent_since, world.quiet_since)
    has_pg = any(world.has_pg(each) for each in running)
    if lasting > (TAKEN_OVER_S if has_pg else STANDS_IN_S) and (has_pg or world.same_client):
        raise Broken(f"nobody has recorded for {lasting} s: {[each.state.mode.value for each in running]}")


def check_pairs(world: Situation) -> None:
    """A deposed leader stops in time; there is no second one but while the gateway judges."""
    for one in world.instances:
        if one.is_surplus and one.state.mode is Mode.LEADING and world.now - world.quiet_since > DEPOSED_S:
            raise Broken(f"{one.number} keeps a gateway that another should have")
        is_elected = world.has_pg(one) and world.holder == one.number and not world.holder_is_dying
        if is_elected and one.state.mode is not Mode.LEADING and world.now - world.quiet_since > DEPOSED_S:
            raise Broken(f"{one.number} has the lease, and is {one.state.mode.value}")
        if not one.records or not one.known:
            continue
        silence = world.now - one.state.sure_at
        if one.state.mode is Mode.IN_DOUBT and silence >= DEPOSED_S:
            raise Broken(f"{one.number} takes itself for elected after {silence} s")
        other = None if world.holder in (None, one.number) or world.holder_is_dying else world.instances[world.holder]
        if other is not None and other.state.mode is Mode.LEADING:
            check_pair(world, one, other, silence)


def check_pair(world: Situation, one: Instance, elected: Instance, silence: float) -> None:
    is_swallowed = one.line == "silent" and world.now - one.hung_up_at >= DEPOSED_S
    if not world.same_client and (silence >= DEPOSED_S or is_swallowed):
        raise Broken(f"{one.number} records beside {elected.number}, which is elected, after {silence} s")
    began = max(elected.state.since, world.quiet_since)
    if world.has_pg(one) and world.now - began > DEPOSED_S:
        raise Broken(f"{one.number} records beside {elected.number}, which is elected, although it has Postgres")
    since = elected.has_pg_since
    if since is None or not elected.can_be_asked or elected.number not in one.known:
        return
    if world.now - max(began, since + LEFT_TO_WHO_RECORDS_S) > DEPOSED_S:
        raise Broken(f"{one.number} does not make room for {elected.number}, which has Postgres")
