// What the parser made of a case's bytes, against what the case expects of it.
#pragma once

#include "tests/unit/balancer_http/parse_wire.h"
#include "tests/unit/http_cases/case_file.h"

#include <string>
#include <vector>

namespace fettle::http::test {

// A connection does not feed its parser behind a request that ends it.
[[nodiscard]] Outcome as_of_a_connection(Outcome parsed);

// One sentence for each difference; empty: all is as expected.
[[nodiscard]] std::vector<std::string> differences(const Case& expected, const Outcome& seen);

}  // namespace fettle::http::test
