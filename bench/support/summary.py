"""From runs to rows: medians, spreads, ratios. Pure."""

import statistics

BUSY_LIMIT = 0.95  # from here on wrk, not the server, sets the rate
_ERRORS = ("connect_errors", "read_errors", "write_errors", "timeouts", "not_2xx")


def rows(runs):
    """`runs`: {(workload name, server name): [the figures of each round]}. One row each, ratios within the workload."""
    made = [row(workload, server, results) for (workload, server), results in runs.items()]
    for each in made:
        beside = {other["server"]: other for other in made if other["workload"] == each["workload"]}
        each["to_gunicorn"] = ratio(each, beside.get("gunicorn"), "per_second")
        each["to_granian"] = ratio(each, beside.get("granian"), "per_second")
        each["cpu_to_floor"] = ratio(each, beside.get("floor"), "cpu_us")
    return made


def row(workload, server, results):
    """Medians over the rounds; the spread is (largest - smallest) / median of the rate; errors are added up."""
    names = [name for name in results[0] if name not in _ERRORS]
    middle = {name: statistics.median(result[name] for result in results) for name in names}
    rates = [result["per_second"] for result in results]
    return {
        "workload": workload,
        "server": server,
        **middle,
        "rates": rates,
        "spread": (max(rates) - min(rates)) / middle["per_second"] if middle["per_second"] else 0.0,
        "wrk_was_the_limit": middle["busy"] > BUSY_LIMIT,
        "errors": {name: total for name in _ERRORS if (total := sum(result[name] for result in results))},
    }


def ratio(row_, base, key):
    return row_[key] / base[key] if base and base[key] else None


def lower_bound(rates, base_rates):
    """The smallest ratio of any round: both servers are measured once in each."""
    return min(rate / base for rate, base in zip(rates, base_rates, strict=True))
