"""Questions of one round: one after the other, or several under way at once, where there is one for each account.

In: a connection and questions. Out: their answers, as they come, each with its question. Called by the
collectors that are scheduled.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable

from ibconnect.gateway.collectors.question import Answer, Question, answered
from ibconnect.gateway.connection import Connection


async def answers(
    connection: Connection, questions: Iterable[Question], at_once: int
) -> AsyncGenerator[tuple[Question, Answer], None]:
    """The answers, each when it has come. Close it, and what is under way is given up.

    A question is made when there is room for it, so with one at once that is when the one before has ended. One that is
    not answered takes the place of one, for as long as it may last.

    :param at_once: how many may be under way
    :raises GatewayLost: the connection is over
    """
    waiting = iter(questions)
    running: set[asyncio.Task[tuple[Question, Answer]]] = set()

    async def ask(question: Question) -> tuple[Question, Answer]:
        return question, await answered(connection, question)

    try:
        while True:
            while len(running) < at_once and (question := next(waiting, None)) is not None:
                running.add(asyncio.ensure_future(ask(question)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            while done:
                yield done.pop().result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
