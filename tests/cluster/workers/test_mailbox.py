"""The mailbox: what is posted is read in order by all, and a restarted group gets its unfinished job again."""

import asyncio

from raykd.cluster.workers.mailbox import END, GIVEN_UP, JOB, NEXT, Mailbox


def run(scenario):
    return asyncio.run(asyncio.wait_for(scenario(Mailbox()), timeout=5))


def test_every_reader_gets_every_command_in_order():
    async def scenario(mailbox):
        place = await mailbox.begin()
        readers = [asyncio.create_task(read(mailbox, place, 3)) for _ in range(2)]
        await mailbox.post(JOB, b"a")
        await mailbox.post(NEXT)
        await mailbox.post(END)
        return await asyncio.gather(*readers)

    assert run(scenario) == [[(JOB, b"a"), (NEXT, b""), (END, b"")]] * 2


def test_a_group_that_starts_late_reads_what_was_posted_before():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        await mailbox.post(NEXT)
        return await read(mailbox, await mailbox.begin(), 2)

    assert run(scenario) == [(JOB, b"a"), (NEXT, b"")]


def test_a_restarted_group_gets_the_job_and_the_owed_epoch_again():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        for _ in range(2):
            await mailbox.post(NEXT)
        await mailbox.begin()
        await mailbox.answer(b"first")
        return await mailbox.next_answer(), await read(mailbox, await mailbox.begin(), 2)

    assert run(scenario) == (b"first", [(JOB, b"a"), (NEXT, b"")])


def test_a_restarted_group_that_owes_nothing_gets_the_job_alone_and_then_what_comes():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        place = await mailbox.begin()
        await mailbox.post(JOB, b"b")
        return await read(mailbox, place, 2)

    assert run(scenario) == [(JOB, b"a"), (JOB, b"b")]


def test_a_worker_that_seemed_lost_is_not_listened_to():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        await mailbox.post(NEXT)
        await mailbox.begin(1, "lost")
        place = await mailbox.begin(1, "new")
        heard = [await mailbox.answer(b"late", "lost"), await mailbox.answer(b"first", "new")]
        return heard, await mailbox.next_answer(), await read(mailbox, place, 2)

    assert run(scenario) == ([False, True], b"first", [(JOB, b"a"), (NEXT, b"")])


def test_a_job_that_kills_its_group_again_and_again_is_given_up():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        await mailbox.post(NEXT)
        for _ in range(4):
            place = await mailbox.begin()
        answer = await mailbox.next_answer()
        await mailbox.post(JOB, b"b")
        return answer, await read(mailbox, place, 1)

    assert run(scenario) == (GIVEN_UP, [(JOB, b"b")])


def test_a_group_that_machines_leave_and_join_is_not_blamed():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        await mailbox.post(NEXT)
        for workers in (4, 3, 4, 3, 4, 2):
            place = await mailbox.begin(workers)
        return await read(mailbox, place, 2)

    assert run(scenario) == [(JOB, b"a"), (NEXT, b"")]


def test_an_answered_epoch_forgives_the_deaths_before_it():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        for _ in range(5):
            await mailbox.post(NEXT)
            await mailbox.begin()
            await mailbox.begin()
            await mailbox.answer(b"x")
        return [await mailbox.next_answer() for _ in range(5)]

    assert run(scenario) == [b"x"] * 5


def test_a_group_restarted_at_the_end_reads_the_end():
    async def scenario(mailbox):
        await mailbox.post(JOB, b"a")
        await mailbox.post(END)
        return await read(mailbox, await mailbox.begin(), 1)

    assert run(scenario) == [(END, b"")]


async def read(mailbox, place, count):
    return [await mailbox.command(place + index) for index in range(count)]


def test_only_the_commands_of_the_last_two_jobs_are_kept():
    async def scenario(mailbox):
        place = await mailbox.begin()
        read_so_far = []
        for job in (b"a", b"b", b"c", b"d"):
            await mailbox.post(JOB, job)
            await mailbox.post(NEXT)
            read_so_far += await read(mailbox, place, 2)
            place += 2
        return read_so_far, mailbox._commands, await read(mailbox, 4, 4)

    both = [(JOB, b"c"), (NEXT, b""), (JOB, b"d"), (NEXT, b"")]
    assert run(scenario) == ([(JOB, b"a"), (NEXT, b""), (JOB, b"b"), (NEXT, b""), *both], both, both)
