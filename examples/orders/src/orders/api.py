"""The service's HTTP interface."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from orders import database
from orders.models import Customer, Order, Status

app = FastAPI(title="Orders")
Database = Annotated[Session, Depends(database.session)]


class NewOrder(BaseModel):
    """An order that someone places."""

    email: str = Field(pattern=r".+@.+")
    total: Decimal = Field(gt=0, max_digits=10, decimal_places=2)


class PlacedOrder(BaseModel):
    """An order that was placed."""

    model_config = ConfigDict(from_attributes=True)

    reference: str
    status: Status
    total: Decimal


@app.get("/health")
def health(session: Database) -> dict[str, str]:
    """Tell whether the service has its database."""
    session.execute(text("SELECT 1"))
    return {"status": "ok"}


@app.post("/orders", status_code=201)
def place(new: NewOrder, session: Database) -> PlacedOrder:
    """Place an order; who has never ordered becomes a customer."""
    customer = session.scalar(select(Customer).where(Customer.email == new.email))
    order = Order(
        reference=uuid4().hex,
        customer=customer or Customer(email=new.email),
        total=new.total,
    )
    session.add(order)
    session.flush()
    return PlacedOrder.model_validate(order)


@app.get("/orders/{reference}")
def show(reference: str, session: Database) -> PlacedOrder:
    """Return an order."""
    order = session.scalar(select(Order).where(Order.reference == reference))
    if order is None:
        raise HTTPException(404, f"no order {reference}")
    return PlacedOrder.model_validate(order)
