"""What an order takes of memory, and whether an event costs more where there is more state.

Keys: bytes_per_order, growth_orders, growth_sellers.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from types import TracebackType
from typing import Self

from bench.piped import ROUNDS
from bench.process import ROOT
from bench.results import Plan, Results
from bench.spread import ratios, single

_FEW_SELLERS, _MANY_SELLERS = 100, 10_000


async def measure(address: str, plan: Plan) -> Results:  # noqa: ARG001 - needs no Kafka
    """Processes that hold so much are filled together, and measured in turn.

    Sellers with a hundred orders each are compared with such as have ten thousand.
    """
    few, many = plan.pick(100_000, 30_000), plan.pick(1_000_000, 120_000)
    base = HoldingProcess(few, _FEW_SELLERS)
    orders = HoldingProcess(many, _FEW_SELLERS)
    sellers = HoldingProcess(many, _MANY_SELLERS)
    micros: dict[HoldingProcess, list[float]] = {base: [], orders: [], sellers: []}
    async with base, orders, sellers:
        for one in micros:
            await one.told("filling_micros_per_event")
        for _ in range(ROUNDS):
            for one, found in micros.items():
                one.go_on()
                found.append(await one.told("micros_per_event"))
        size = await orders.told("bytes_per_order")
    print("  µs per event:", *([round(one, 1) for one in found] for found in micros.values()))
    return {
        "bytes_per_order": single(size),
        "growth_orders": ratios(micros[orders], micros[base]),
        "growth_sellers": ratios(micros[sellers], micros[orders]),
    }


class HoldingProcess:
    """A process of bench/holding.py; as a context manager, started and ended.

    Args:
        orders: how many it holds.
        sellers: of how many sellers.
    """

    def __init__(self, orders: int, sellers: int) -> None:
        self._arguments = [str(orders), str(sellers)]
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.holding", *self._arguments,
            cwd=ROOT, stdin=PIPE, stdout=PIPE,
        )  # fmt: skip
        return self

    async def __aexit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process is not None
        if error is not None and self._process.returncode is None:
            self._process.kill()
        await self._process.communicate()

    def go_on(self) -> None:
        """Have it measure a round."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    async def told(self, name: str) -> float:
        """The next figure that it tells."""
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return float(json.loads(line)[name])
