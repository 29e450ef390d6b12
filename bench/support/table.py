"""The result for people, in a terminal."""

from .load import error_text


def aligned(header, rows):
    """Columns as wide as their widest cell; the first two to the left, figures to the right."""
    widths = [max(len(str(line[column])) for line in [header, *rows]) for column in range(len(header))]

    def text(line):
        cells = [f"{cell!s:<{width}}" if i < 2 else f"{cell!s:>{width}}" for i, (cell, width) in enumerate(zip(line, widths, strict=True))]
        return "  ".join(cells).rstrip()

    return "\n".join(map(text, [header, ["-" * width for width in widths], *rows]))


def number(value, digits=0, suffix=""):
    return "-" if value is None else f"{value:.{digits}f}{suffix}"


def throughput(rows):
    header = ["workload", "server", "req/s", "spread", "/gunicorn", "/granian", "CPU us/req", "/floor", "switches/req", "wrk busy", ""]
    return aligned(
        header,
        [
            [
                row["workload"],
                row["server"],
                number(row["per_second"]),
                number(row["spread"] * 100, 0, "%"),
                number(row["to_gunicorn"], 2),
                number(row["to_granian"], 2),
                number(row["cpu_us"], 1),
                number(row["cpu_to_floor"], 2),
                number(row["switches"], 2),
                number(row["busy"] * 100, 0, "%"),
                "; ".join(filter(None, ["wrk was the limit" if row["wrk_was_the_limit"] else "", error_text(row["errors"])])),
            ]
            for row in rows
        ],
    )
