"""Checkout, orders, and their export as a stream."""

import csv
import io
import sqlite3
import time
from datetime import UTC, datetime

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request, session, url_for

from . import cart
from .database import connect, database

blueprint = Blueprint("orders", __name__)

EXPORT_BATCH = 50
DELIVERY = ["Order received", "Packed", "Handed to the courier", "At your post office", "Out for delivery"]


class OutOfStock(Exception):
    pass


def place_order(name, email, address, lines):
    """Writes the order and takes the goods from stock in one transaction; returns its number."""
    connection = database()
    connection.execute("BEGIN IMMEDIATE")
    try:
        number = connection.execute(
            "INSERT INTO customer_order (placed_at, name, email, address) VALUES (?, ?, ?, ?)",
            (datetime.now(UTC).isoformat(timespec="seconds"), name, email, address),
        ).lastrowid
        for product, quantity in lines:
            try:
                connection.execute("UPDATE product SET stock = stock - ? WHERE id = ?", (quantity, product["id"]))
            except sqlite3.IntegrityError:
                raise OutOfStock(f"There are not {quantity} of “{product['name']}” left.") from None
            connection.execute(
                "INSERT INTO order_line (customer_order, product, quantity, price_cents) VALUES (?, ?, ?, ?)",
                (number, product["id"], quantity, product["price_cents"]),
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return number


def order_or_404(number):
    order = database().execute("SELECT * FROM customer_order WHERE number = ?", (number,)).fetchone()
    if order is None:
        abort(404, f"There is no order {number}.")
    return order


def order_lines(number):
    return (
        database()
        .execute(
            "SELECT product.slug, product.name, product.picture, quantity, order_line.price_cents FROM order_line"
            " JOIN product ON product.id = order_line.product WHERE customer_order = ? ORDER BY product.name",
            (number,),
        )
        .fetchall()
    )


@blueprint.route("/checkout", methods=["GET", "POST"])
def checkout():
    lines = cart.contents()
    if not lines:
        return redirect(url_for("cart.show"), code=303)
    form = {field: request.form.get(field, "").strip() for field in ("name", "email", "address")}
    problem, status = None, 200
    if request.method == "POST":
        if not all(form.values()) or "@" not in form["email"]:
            problem, status = "Please fill in all three fields; the e-mail address needs an @.", 400
        else:
            try:
                number = place_order(**form, lines=lines)
                session.pop("cart")
                return redirect(url_for("orders.order", number=number), code=303)
            except OutOfStock as error:
                problem, status = str(error), 409
    return render_template(
        "checkout.html", lines=lines, total=cart.total_cents(lines), form=form, problem=problem
    ), status


@blueprint.get("/orders/<int:number>")
def order(number):
    return render_template("order.html", order=order_or_404(number), lines=order_lines(number))


@blueprint.get("/api/orders/<int:number>")
def api_order(number):
    return jsonify(**dict(order_or_404(number)), lines=[dict(line) for line in order_lines(number)])


@blueprint.get("/orders/<int:number>/track")
def track(number):
    """The delivery as server-sent events, one every `pace` seconds: a response that is sent as it is made."""
    order_or_404(number)
    pace = min(max(request.args.get("pace", 0.5, type=float), 0.0), 10.0)

    def events():
        for step, text in enumerate(DELIVERY):
            if step:
                time.sleep(pace)
            yield f"id: {step}\ndata: {text}\n\n"

    return Response(events(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})


@blueprint.get("/orders.csv")
def export():
    """All orders as CSV, read and sent in batches: memory stays flat however many there are."""
    path = current_app.config["DATABASE"]  # the request's connection is closed before the last batch is read

    def rows():
        connection = connect(path)
        try:
            buffer = io.StringIO()
            writer = csv.writer(buffer)
            writer.writerow(["number", "placed_at", "name", "address", "items", "total_euros"])
            cursor = connection.execute(
                "SELECT number, placed_at, name, address, SUM(quantity) AS items, SUM(quantity * price_cents) AS total"
                " FROM customer_order JOIN order_line ON customer_order = number GROUP BY number ORDER BY number"
            )
            while batch := cursor.fetchmany(EXPORT_BATCH):
                writer.writerows([*row[:5], f"{row['total'] / 100:.2f}"] for row in batch)
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
        finally:
            connection.close()

    return Response(rows(), mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="orders.csv"'})
