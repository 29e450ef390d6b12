"""Customers' photos and other files: uploads of any size, downloads with ranges."""

import hashlib
import os
import secrets
from datetime import UTC, datetime

from flask import Blueprint, abort, current_app, jsonify, redirect, render_template, request, send_file, url_for

from .catalogue import product_by_slug
from .database import database

blueprint = Blueprint("photos", __name__, url_prefix="/photos")

COPY_BYTES = 256 * 1024
SHOWN_INLINE = {
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
}  # anything else is sent as a download: it may be hostile HTML


def store(upload, product_id):
    """Copies an upload to the photo folder in pieces, hashing it; the row appears when the file is complete."""
    identifier = secrets.token_hex(8)
    final = current_app.config["PHOTOS"] / identifier
    partial = final.with_suffix(".partial")
    digest, size = hashlib.sha256(), 0
    try:
        with partial.open("xb") as file:
            while piece := upload.stream.read(COPY_BYTES):
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        os.rename(partial, final)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    row = {
        "id": identifier,
        "product": product_id,
        "file_name": os.path.basename(upload.filename) or "unnamed",
        "media_type": upload.mimetype or "application/octet-stream",
        "bytes": size,
        "sha256": digest.hexdigest(),
        "uploaded_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    database().execute(
        "INSERT INTO photo (id, product, file_name, media_type, bytes, sha256, uploaded_at)"
        " VALUES (:id, :product, :file_name, :media_type, :bytes, :sha256, :uploaded_at)",
        row,
    )
    return row


@blueprint.get("")
def index():
    photos = database().execute("SELECT * FROM photo ORDER BY uploaded_at DESC, id LIMIT 60").fetchall()
    return render_template("photos.html", photos=photos, inline=SHOWN_INLINE)


@blueprint.post("")
def upload():
    file = request.files.get("file")
    if file is None or not file.filename:
        abort(400, "Choose a file in the field “file”.")
    slug = request.form.get("product", "")
    row = store(file, product_by_slug(slug)["id"] if slug else None)
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        return jsonify(row), 201
    return redirect(url_for("photos.index"), code=303)


@blueprint.get("/<identifier>")
def download(identifier):
    row = database().execute("SELECT * FROM photo WHERE id = ?", (identifier,)).fetchone()
    if row is None:
        abort(404, "There is no such photo.")
    return send_file(
        current_app.config["PHOTOS"] / identifier,
        mimetype=row["media_type"],
        download_name=row["file_name"],
        as_attachment=row["media_type"] not in SHOWN_INLINE,
        etag=row["sha256"],
        conditional=True,  # answers Range and If-None-Match
    )
