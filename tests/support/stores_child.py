"""A process that writes to a disk store until it is killed, told to stop, or done.

python -m tests.support.stores_child DIRECTORY LIMIT_BYTES COUNT SIZE [--file-limit BYTES]

Prints a line of JSON when ready, one for each number whose response is on the disk (flushed every
tenth), and a last one with what it saw. Responses are `original(number, size)`, so that whoever
reads them afterwards knows what they must be.
"""

import argparse
import asyncio
import json
import resource
from pathlib import Path

from ghproxy.stores.disk import DiskStore
from tests.support.clock import FakeClock
from tests.support.stores import key, noise, response


def original(number, size):
    return response(noise(number, size), entity_tag=b'"%d"' % number)


def say(**words):
    print(json.dumps(words), flush=True)  # noqa: T201  # how it talks to the test


async def main(arguments):
    store = DiskStore(Path(arguments.directory), arguments.limit, FakeClock())
    if arguments.file_limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (arguments.file_limit, arguments.file_limit))
    say(ready=True)
    found = wrong = 0
    for number in range(arguments.first, arguments.first + arguments.count):
        mine = original(number, arguments.size)
        await store.save(key(str(number)), mine)
        if number % 10 == 9:
            await store.flush()
            say(written=number)
        loaded = await store.load(key(str(number)))
        found += loaded is not None
        wrong += loaded not in (None, mine)
    await store.flush()
    snapshot = store.snapshot()
    await store.aclose()
    say(
        done=True,
        found=found,
        wrong=wrong,
        errors=snapshot.errors,
        dropped=snapshot.dropped,
        entries=snapshot.entries,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("limit", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("size", type=int)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--file-limit", type=int)
    asyncio.run(main(parser.parse_args()))
