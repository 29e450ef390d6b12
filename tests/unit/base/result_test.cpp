#include "base/result.h"

#include <catch2/catch.hpp>

#include <memory>

using namespace fettle;

namespace {

Result<int> parse_digit(char character) {
    if (character < '0' || character > '9') {
        return Error{std::string("not a digit: ") + character};
    }
    return character - '0';
}

Result<int> add_digits(char a, char b) {
    FETTLE_TRY(first, parse_digit(a));
    FETTLE_TRY(second, parse_digit(b));
    return first + second;
}

Result<void> require_even(int number) {
    if (number % 2 != 0) {
        return Error{"odd"};
    }
    return {};
}

Result<std::string> describe_even(int number) {
    FETTLE_CHECK_OK(require_even(number));
    return std::string("even");
}

}  // namespace

TEST_CASE("result: FETTLE_TRY hands on the value or leaves with the first error", "[base]") {
    CHECK(*add_digits('2', '3') == 5);
    CHECK(add_digits('x', 'y').error().what == "not a digit: x");
    CHECK(add_digits('1', 'y').error().what == "not a digit: y");
}

TEST_CASE("result: FETTLE_CHECK_OK leaves with the error of a step that has no value", "[base]") {
    CHECK(*describe_even(2) == "even");
    CHECK(describe_even(3).error().what == "odd");
}

TEST_CASE("result: a value that can only be moved is moved out", "[base]") {
    Result<std::unique_ptr<int>> sut(std::make_unique<int>(7));

    const std::unique_ptr<int> taken = *std::move(sut);

    CHECK(*taken == 7);
}

TEST_CASE("error: the message names the context first and the system's reason last", "[base]") {
    Error error = errno_error("open '/nowhere'", ENOENT);

    CHECK(std::move(error).with_context("log.file").message() ==
          "log.file: open '/nowhere': No such file or directory");
    CHECK(Error{"plain"}.message() == "plain");
}
