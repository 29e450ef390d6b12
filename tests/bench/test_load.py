"""What wrk says becomes numbers."""

import pytest
from support.load import error_text, milliseconds, parse_wrk

GOOD = """Running 3s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.25ms    2.04ms  41.31ms   93.49%
    Req/Sec    86.12k     8.67k   99.11k    70.00%
  Latency Distribution
     50%  652.00us
     75%    1.05ms
     90%    2.52ms
     99%   10.32ms
  257009 requests in 3.00s, 37.50MB read
Requests/sec:  85633.41
Transfer/sec:     12.50MB
"""

BAD = GOOD.replace(
    "Requests/sec",
    "  Socket errors: connect 1, read 22, write 3, timeout 4\n  Non-2xx or 3xx responses: 55\nRequests/sec",
)

IDLE = """Running 1s test @ http://127.0.0.1:1/
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     0.00      0.00     0.00      -nan%
  Latency Distribution
     50%    0.00us
     75%    0.00us
     90%    0.00us
     99%    0.00us
  0 requests in 1.00s, 0.00B read
  Socket errors: connect 2, read 0, write 0, timeout 0
Requests/sec:      0.00
Transfer/sec:       0.00B
"""


def test_a_report_is_read():
    result = parse_wrk(GOOD)
    assert (result["requests"], result["per_second"]) == (257009, 85633.41)
    assert result["p50_ms"] == pytest.approx(0.652)
    assert result["p99_ms"] == pytest.approx(10.32)
    assert not any(result[name] for name in ("connect_errors", "read_errors", "write_errors", "timeouts", "not_2xx"))


def test_errors_are_read():
    result = parse_wrk(BAD)
    names = ("connect_errors", "read_errors", "write_errors", "timeouts", "not_2xx")
    assert [result[name] for name in names] == [1, 22, 3, 4, 55]


def test_refused_requests_are_not_service():
    result = parse_wrk(BAD.replace("responses: 55", "responses: 128504"))
    assert result["requests"] == 257009 - 128504
    assert result["per_second"] == pytest.approx(85633.41 * 128505 / 257009)


def test_a_report_without_any_request_is_read():
    result = parse_wrk(IDLE)
    assert (result["requests"], result["per_second"], result["connect_errors"]) == (0, 0.0, 2)


@pytest.mark.parametrize(("text", "value"), [("45.60us", 0.0456), ("1.50ms", 1.5), ("2.00s", 2000), ("1.50m", 90000)])
def test_every_unit_of_time_is_understood(text, value):
    assert milliseconds(text) == pytest.approx(value)


def test_errors_are_named():
    assert error_text({"timeouts": 3, "not_2xx": 0, "read_errors": 2}) == "3 timeouts, 2 read errors"
