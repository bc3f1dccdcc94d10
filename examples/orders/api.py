"""The order API: takes orders, asks the inventory to reserve, and caches what it reads in Redis.

    POST /orders        {"item": "widget", "quantity": 1} -> 201, 409 sold out, 503 or 504 the inventory can't be had
    GET  /orders        -> 200 [...]
    GET  /orders/{id}   -> 200 {...} or 404
    GET  /health        -> 200: this process is alive, whatever became of the others

Environment: PORT, CACHE_ADDR and INVENTORY_ADDR (host:port), ORDERS_VARIANT (`buggy` has one planted bug, marked
below; `fixed` has none).
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio as redis
from aiohttp import ClientError, ClientSession, ClientTimeout, web
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CACHE_TIMEOUT_S = 0.25
"""A cache that takes longer than the inventory itself is of no use."""
INVENTORY_TIMEOUT_S = 1.5
LIFETIME_S = 30


class InventoryFailed(Exception):
    """The inventory did not answer, or not in time."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(reason)


class Cache:
    """JSON values by key. It only makes things faster: where it fails, the caller goes to the source."""

    def __init__(self, address: str, *, variant: str) -> None:
        host, _, port = address.rpartition(":")
        self._redis = redis.Redis(
            host=host,
            port=int(port),
            socket_timeout=CACHE_TIMEOUT_S,
            socket_connect_timeout=CACHE_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        # PLANTED BUG: somebody met a slow cache once and made the API survive it; nobody thought of one that is gone.
        # Each request that looks into the cache then ends in a 500, orders that the inventory has reserved included.
        self._survived: tuple[type[Exception], ...] = (
            (redis.TimeoutError,) if variant == "buggy" else (redis.TimeoutError, redis.ConnectionError)
        )

    async def get(self, key: str) -> Any:
        """The value, or None where there is none to be had."""
        try:
            text = await self._redis.get(key)
        except self._survived:
            return None
        return None if text is None else json.loads(text)

    async def put(self, key: str, value: object) -> None:
        try:
            await self._redis.set(key, json.dumps(value), ex=LIFETIME_S)
        except self._survived:
            return

    async def forget(self, key: str) -> None:
        try:
            await self._redis.delete(key)
        except self._survived:
            return

    async def close(self) -> None:
        await self._redis.aclose()


class Inventory:
    """The inventory service, over pooled HTTP connections."""

    def __init__(self, address: str) -> None:
        self._session = ClientSession(f"http://{address}", timeout=ClientTimeout(total=INVENTORY_TIMEOUT_S))

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON of the answer. Raises InventoryFailed where there is none."""
        try:
            async with self._session.request(method, path, json=body) as answer:
                return answer.status, await answer.json()
        except TimeoutError:
            raise InventoryFailed(504, "the inventory does not answer") from None
        except ClientError:
            raise InventoryFailed(503, "the inventory can't be reached") from None

    async def close(self) -> None:
        await self._session.close()


CACHE = web.AppKey("cache", Cache)
INVENTORY = web.AppKey("inventory", Inventory)


async def place_order(request: web.Request) -> web.Response:
    try:
        asked = await request.json()
        item, quantity = str(asked["item"]), int(asked.get("quantity", 1))
    except (ValueError, KeyError, TypeError, AttributeError):
        return web.json_response({"error": "expected item and quantity"}, status=400)
    wanted = {"order": uuid.uuid4().hex, "item": item, "quantity": quantity}
    status, answer = await request.app[INVENTORY].ask("POST", "/reservations", wanted)
    await request.app[CACHE].forget("orders")
    return web.json_response(answer, status=status)


async def list_orders(request: web.Request) -> web.Response:
    return await _read_through(request, "orders", "/reservations")


async def read_order(request: web.Request) -> web.Response:
    order = request.match_info["order"]
    return await _read_through(request, f"order:{order}", f"/reservations/{order}")


async def health(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _read_through(request: web.Request, key: str, path: str) -> web.Response:
    """From the cache, else from the inventory and into the cache."""
    cached = await request.app[CACHE].get(key)
    if cached is not None:
        return web.json_response(cached)
    status, answer = await request.app[INVENTORY].ask("GET", path)
    if status == 200:
        await request.app[CACHE].put(key, answer)
    return web.json_response(answer, status=status)


@web.middleware
async def _report_inventory(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
    except InventoryFailed as failure:
        return web.json_response({"error": str(failure)}, status=failure.status)
    return answer


async def _connections(app: web.Application) -> AsyncIterator[None]:
    app[CACHE] = Cache(os.environ["CACHE_ADDR"], variant=os.environ.get("ORDERS_VARIANT", "fixed"))
    app[INVENTORY] = Inventory(os.environ["INVENTORY_ADDR"])
    yield
    await app[INVENTORY].close()
    await app[CACHE].close()


def application() -> web.Application:
    app = web.Application(middlewares=[_report_inventory])
    app.cleanup_ctx.append(_connections)
    app.router.add_post("/orders", place_order)
    app.router.add_get("/orders", list_orders)
    app.router.add_get("/orders/{order}", read_order)
    app.router.add_get("/health", health)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(os.environ["PORT"]), print=None, shutdown_timeout=1)
