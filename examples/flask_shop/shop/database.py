"""SQLite, safe for many processes: write-ahead log, one connection per request, created and seeded exactly once."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import current_app, g

from .seed import CATEGORIES, CUSTOMERS, PRODUCTS

SCHEMA_VERSION = 1
PAST_ORDERS = 400


def connect(path):
    connection = sqlite3.connect(
        path, timeout=10, isolation_level=None
    )  # waits for other processes' writes; explicit transactions
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def database():
    """The request's own connection; closed when the request ends."""
    if "database" not in g:
        g.database = connect(current_app.config["DATABASE"])
    return g.database


def close(_error=None):
    connection = g.pop("database", None)
    if connection is not None:
        connection.close()


def prepare(path):
    """Creates and fills the database unless that was done. Processes that start together wait for the first one."""
    connection = connect(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in Path(__file__).with_name("schema.sql").read_text().split(";"):
                connection.execute(statement)
            _seed(connection)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def _seed(connection):
    connection.executemany("INSERT INTO category (slug, name) VALUES (?, ?)", CATEGORIES)
    connection.executemany(
        "INSERT INTO product (slug, name, category, price_cents, stock, picture, description)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        PRODUCTS,
    )
    products = connection.execute("SELECT id, price_cents FROM product ORDER BY id").fetchall()
    day_one = datetime(2024, 1, 1, 9, tzinfo=UTC)
    for number in range(PAST_ORDERS):  # a past to export and to compute with
        name, city = CUSTOMERS[number * 7 % len(CUSTOMERS)]
        placed = (day_one + timedelta(hours=11 * number)).isoformat(timespec="seconds")
        order = connection.execute(
            "INSERT INTO customer_order (placed_at, name, email, address) VALUES (?, ?, ?, ?)",
            (placed, name, f"{name.split()[0].lower()}@example.com", f"{number % 90 + 1} High Street, {city}"),
        ).lastrowid
        for step in range(number % 3 + 1):
            product = products[(number * 5 + step * (number % 4 + 1)) % len(products)]
            connection.execute(
                "INSERT INTO order_line (customer_order, product, quantity, price_cents) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (customer_order, product) DO UPDATE SET quantity = quantity + excluded.quantity",
                (order, product["id"], number % 2 + 1, product["price_cents"]),
            )
