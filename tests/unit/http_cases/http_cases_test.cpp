#include "tests/unit/http_cases/comparison.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace fettle::http::test {

namespace {

constexpr std::size_t kMinMalformed = 150;
constexpr std::size_t kMinValid = 100;

const std::vector<Case>& all_cases() {
    static const std::vector<Case> cases = load_cases(FETTLE_HTTP_CASES);
    return cases;
}

bool malformed(const Case& one) {
    return one.ending == Ending::Refused || one.ending == Ending::Silence;
}

Outcome seen(const Case& one, const Cuts& cuts) {
    return as_of_a_connection(parse_wire(one.wire, one.limits, cuts));
}

// Parses every case once per call of `run`, which gets the case and hands the result to check().
class Runs {
  public:
    explicit Runs(std::string mode) : mode_(std::move(mode)) {}

    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    ~Runs() {
        const std::string line = fmt::format("http cases, parser, {}: {} cases, {} runs, {} failures", mode_,
                                             all_cases().size(), runs_, failures_);
        std::puts(line.c_str());
    }

    void check(const Case& one, const Cuts& cuts, const std::string& how) {
        const std::vector<std::string> found = differences(one, seen(one, cuts));
        ++runs_;
        if (found.empty()) {
            return;
        }
        ++failures_;
        if (std::exchange(reported_, one.name) == one.name) {
            return;  // once for each case
        }
        UNSCOPED_INFO(fmt::format("{} ({}, {}), sent {}", one.name, one.clause, one.why, how));
        for (const std::string& difference : found) {
            UNSCOPED_INFO(difference);
        }
        CHECK(found.empty());
    }

  private:
    std::string mode_;
    std::string reported_;
    std::size_t runs_ = 0;
    std::size_t failures_ = 0;
};

// Where to cut into two pieces: everywhere, but of long wires, which are long by repetition, only every 61st place in
// the middle.
std::vector<std::size_t> two_piece_cuts(std::size_t bytes) {
    constexpr std::size_t kDense = 1024;
    std::vector<std::size_t> places;
    for (std::size_t place = 1; place < bytes;) {
        places.push_back(place);
        place += place < kDense || place + kDense >= bytes ? 1 : 61;
    }
    return places;
}

}  // namespace

TEST_CASE("the corpus has at least 150 malformed and 100 valid cases", "[http cases]") {
    const auto bad = static_cast<std::size_t>(std::count_if(all_cases().begin(), all_cases().end(), malformed));

    CHECK(bad >= kMinMalformed);
    CHECK(all_cases().size() - bad >= kMinValid);
}

TEST_CASE("every case of the corpus is parsed as it says, sent whole", "[http cases]") {
    Runs runs("whole");
    for (const Case& one : all_cases()) {
        runs.check(
                one, [&] { return one.wire.size(); }, "whole");
    }
}

TEST_CASE("every case of the corpus is parsed as it says, sent byte by byte", "[http cases]") {
    Runs runs("byte by byte");
    for (const Case& one : all_cases()) {
        runs.check(
                one, [] { return std::size_t{1}; }, "byte by byte");
    }
}

TEST_CASE("every case of the corpus is parsed as it says, sent in two pieces cut anywhere", "[http cases]") {
    Runs runs("every two pieces");
    for (const Case& one : all_cases()) {
        for (const std::size_t first : two_piece_cuts(one.wire.size())) {
            bool began = false;
            const auto cuts = [&] { return std::exchange(began, true) ? one.wire.size() : first; };
            runs.check(one, cuts, fmt::format("cut at {}", first));
        }
    }
}

TEST_CASE("every case of the corpus is parsed as it says, sent in random pieces", "[http cases]") {
    constexpr int kRounds = 20;
    const std::uint32_t seed = Catch::rngSeed() != 0 ? Catch::rngSeed() : std::random_device{}();
    Runs runs(fmt::format("random pieces, --rng-seed {}", seed));
    std::mt19937 random(seed);
    for (const Case& one : all_cases()) {
        for (int round = 0; round < kRounds; ++round) {
            const std::size_t largest = round % 2 == 0 ? 12 : std::max<std::size_t>(one.wire.size() / 2, 1);
            std::uniform_int_distribution<std::size_t> piece(1, largest);
            runs.check(
                    one, [&] { return piece(random); }, fmt::format("in random pieces, --rng-seed {}", seed));
        }
    }
}

TEST_CASE("the comparison finds any single falsehood in a case", "[http cases]") {
    const auto falsified = [](const Case& one) {
        std::vector<Case> wrong;
        const auto with = [&](const std::function<void(Case&)>& change) { change(wrong.emplace_back(one)); };
        with([](Case& c) { c.status = c.status == 0 ? 400 : static_cast<std::uint16_t>(c.status + 1); });
        with([](Case& c) { c.requests.emplace_back(); });
        with([](Case& c) { c.ending = c.ending == Ending::Silence ? Ending::Open : Ending::Silence; });
        if (one.ending == Ending::Open || one.ending == Ending::Closed) {
            with([](Case& c) { c.ending = c.ending == Ending::Open ? Ending::Closed : Ending::Open; });
        }
        for (std::size_t i = 0; i < one.requests.size(); ++i) {
            with([i](Case& c) { c.requests.erase(c.requests.begin() + static_cast<std::ptrdiff_t>(i)); });
            with([i](Case& c) { c.requests[i].method += "X"; });
            with([i](Case& c) { c.requests[i].target += "x"; });
            with([i](Case& c) { c.requests[i].http_minor ^= 1; });
            with([i](Case& c) { c.requests[i].body += "x"; });
            with([i](Case& c) { c.requests[i].fields.emplace_back("x-other: y"); });
            if (!one.requests[i].fields.empty()) {
                with([i](Case& c) { c.requests[i].fields.pop_back(); });
                with([i](Case& c) { c.requests[i].fields.back() += "x"; });
            }
        }
        return wrong;
    };

    for (const Case& one : all_cases()) {
        const Outcome outcome = seen(one, [&] { return one.wire.size(); });
        for (const Case& wrong : falsified(one)) {
            INFO(one.name);
            CHECK_FALSE(differences(wrong, outcome).empty());
        }
    }
}

}  // namespace fettle::http::test
