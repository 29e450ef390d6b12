"""The result for people, in a terminal."""

from .load import error_text

BY_NAME = 2  # columns from the left that hold names; the others hold figures

NOTES = [
    "Rates and costs are of served requests: refused ones (4xx, 5xx) are taken out and named in the remarks.",
    "uWSGI gives each kept connection a thread: 8 clients at a time are served, the others wait until one leaves.",
    "gunicorn's sync worker closes every connection after one response.",
    "fettle's queue, waitress's connections and uWSGI's backlog are raised above their defaults, to hold 256 clients.",
]


def report(result):
    parts = [
        ("Throughput and cost", throughput(result["rows"])),
        ("Latency at a constant rate, from when each request was due", latency(result["latency"])),
        ("Memory: PSS of the process tree", memory(result)),
        ("Goals", goals(result["goals"])),
    ]
    tables = [f"{title}\n\n{aligned(*columns)}" for title, columns in parts if columns[1]]
    return "\n\n".join([*tables, "\n".join(NOTES)])


def throughput(rows):
    """(header, lines)"""
    header = ["workload", "server", "req/s", "spread", "/gunicorn", "/granian", "CPU us/req", "/floor", "switches/req"]
    return [*header, "wrk busy", "remarks"], [
        [
            row["workload"],
            row["server"],
            number(row["per_second"]),
            number(row["spread"] * 100, 0, " %"),
            number(row["to_gunicorn"], 2),
            number(row["to_granian"], 2),
            number(row["cpu_us"], 1),
            number(row["cpu_to_floor"], 2),
            number(row["switches"], 2),
            number(row["busy"] * 100, 0, " %"),
            remarks(row),
        ]
        for row in rows
    ]


def remarks(row):
    return "; ".join(filter(None, ["wrk was the limit" if row["wrk_was_the_limit"] else "", error_text(row["errors"])]))


def latency(rows):
    return ["rate", "server", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "failed", "pace's own max ms"], [
        [
            row["rate"],
            row["server"],
            *(number(row[key], 3) for key in ("p50_ms", "p99_ms", "p999_ms", "max_ms")),
            row["failed"],
            number(row["late_ms"], 3),
        ]
        for row in rows
    ]


MEMORY_TITLES = {"pss": "after the load, one worker", "memory": "flask_shop, 4 workers"}


def memory(result):
    return ["what", "server", "PSS MB"], [
        [title, row["server"], number(row["pss_bytes"] / 1e6, 1)]
        for key, title in MEMORY_TITLES.items()
        for row in result[key]
    ]


def goals(verdicts):
    return ["verdict", "server", "figure", "wanted", "goal"], [
        [
            "reached" if verdict["reached"] else "MISSED",
            verdict["server"],
            number(verdict["figure"], 2),
            verdict["wanted"],
            verdict["goal"],
        ]
        for verdict in verdicts
    ]


def number(value, digits=0, suffix=""):
    return "-" if value is None else f"{value:.{digits}f}{suffix}"


def aligned(header, lines):
    """Columns as wide as their widest cell: names and the last one to the left, figures to the right."""
    columns = list(zip(header, *lines, strict=True))
    widths = [max(len(str(cell)) for cell in column) for column in columns]

    def text(line):
        cells = [
            f"{cell!s:<{width}}" if index < BY_NAME or index == len(line) - 1 else f"{cell!s:>{width}}"
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(map(text, [header, ["-" * width for width in widths], *lines]))
