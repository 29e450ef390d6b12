"""An application that keeps to the rules of HTTP, or breaks them, as the path and the query say."""

from urllib.parse import parse_qsl

from lab import text, wait_at_gate


def count(env, start_response, _):
    return text(start_response, str(len(env["wsgi.input"].read())))


def gated_count(env, start_response, query):
    wait_at_gate("reads")
    return count(env, start_response, query)


def gate(env, start_response, query):
    wait_at_gate(query["name"])
    return text(start_response, "through")


def refuse(env, start_response, _):
    return text(start_response, "who are you?", "401 Unauthorized")


def switch(env, start_response, _):
    start_response("101 Switching Protocols", [])
    return []


def header(env, start_response, query):
    start_response(query.get("status", "200 OK"), [(query.get("name", "X"), query.get("value", ""))])
    return [b"fine"]


def declared(env, start_response, query):
    """Pieces of these lengths, one by one, and perhaps a Content-Length that need not be true."""
    headers = [("Content-Length", query["length"])] if "length" in query else []
    start_response(query.get("status", "200 OK"), headers)
    return (b"x" * int(length) for length in query.get("pieces", "").split(",") if length)


ROUTES = {
    "/": lambda env, start_response, _: text(start_response, "fine"),
    "/count": count,
    "/gated-count": gated_count,
    "/gate": gate,
    "/refuse": refuse,
    "/switch": switch,
    "/header": header,
    "/declared": declared,
}


def application(env, start_response):
    return ROUTES[env["PATH_INFO"]](env, start_response, dict(parse_qsl(env["QUERY_STRING"], keep_blank_values=True)))
