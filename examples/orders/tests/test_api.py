from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, func, select

from orders.models import Customer, Order

ORDER = {"email": "ada@example.org", "total": "12.50"}


def test_healthy_with_its_database(client: TestClient) -> None:
    """The service is healthy while its database answers."""
    assert client.get("/health").json() == {"status": "ok"}


def test_an_order_is_found_by_its_reference(client: TestClient) -> None:
    """What was placed can be asked for."""
    placed = client.post("/orders", json=ORDER)
    assert placed.status_code == 201
    assert placed.json()["status"] == "placed"
    found = client.get(f"/orders/{placed.json()['reference']}")
    assert found.json() == placed.json()


def test_a_customer_is_known_by_the_address(client: TestClient, connection: Connection) -> None:
    """Two orders of one address are one customer's."""
    for _ in range(2):
        client.post("/orders", json=ORDER)
    assert connection.scalar(select(func.count()).select_from(Customer)) == 1
    assert connection.scalar(select(func.count()).select_from(Order)) == 2


def test_an_unknown_reference_is_not_found(client: TestClient) -> None:
    """A reference that no order has is told, not guessed."""
    assert client.get("/orders/none").status_code == 404


@pytest.mark.parametrize("change", [{"total": "0"}, {"total": "1.001"}, {"email": "nobody"}])
def test_a_wrong_order_is_refused(client: TestClient, change: dict[str, str]) -> None:
    """Nothing is sold for nothing, or to nobody."""
    assert client.post("/orders", json=ORDER | change).status_code == 422
