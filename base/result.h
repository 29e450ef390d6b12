// Errors as values: `Result<T>` is a T or an `Error`. What the world can do to us (a refused bind, a dead worker) is
// returned; bugs abort (base/assert.h). The interface is a subset of std::expected (C++23).
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>

namespace fettle {

// What went wrong, for a person. `code` is set when a system call was the cause.
struct Error {
    std::string what;
    std::error_code code{};

    // Puts "context: " in front, so that the outermost caller's words come first.
    [[nodiscard]] Error with_context(std::string_view context) && {
        what.insert(0, ": ").insert(0, context);
        return std::move(*this);
    }

    // "what: strerror" or just "what".
    [[nodiscard]] std::string message() const { return code ? what + ": " + code.message() : what; }
};

// An Error of the failed system call whose errno is `number`; call it before anything can change errno.
[[nodiscard]] inline Error errno_error(std::string what, int number = errno) {
    return Error{std::move(what), std::error_code(number, std::generic_category())};
}

template <class T>
class [[nodiscard]] Result {
  public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)

    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return state_.index() == 0; }

    [[nodiscard]] explicit operator bool() const { return has_value(); }

    [[nodiscard]] T& value() & { return std::get<0>(state_); }

    [[nodiscard]] const T& value() const& { return std::get<0>(state_); }

    [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }

    [[nodiscard]] T& operator*() & { return value(); }

    [[nodiscard]] const T& operator*() const& { return value(); }

    [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }

    [[nodiscard]] T* operator->() { return &value(); }

    [[nodiscard]] const T* operator->() const { return &value(); }

    [[nodiscard]] Error& error() & { return std::get<1>(state_); }

    [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }

    [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

  private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
  public:
    Result() = default;

    Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return ok_; }

    [[nodiscard]] explicit operator bool() const { return ok_; }

    [[nodiscard]] Error& error() & { return error_; }

    [[nodiscard]] const Error& error() const& { return error_; }

    [[nodiscard]] Error&& error() && { return std::move(error_); }

  private:
    Error error_;
    bool ok_ = true;
};

}  // namespace fettle

// FETTLE_TRY(name, expression): `name` becomes the value of the Result, or the enclosing function returns its Error.
#define FETTLE_TRY_JOIN2(a, b) a##b
#define FETTLE_TRY_JOIN(a, b) FETTLE_TRY_JOIN2(a, b)
#define FETTLE_TRY(name, expression)                                      \
    auto FETTLE_TRY_JOIN(try_result_, __LINE__) = (expression);           \
    if (!FETTLE_TRY_JOIN(try_result_, __LINE__).has_value())              \
        return std::move(FETTLE_TRY_JOIN(try_result_, __LINE__)).error(); \
    auto& name = /* declared, hence no parentheses */ *FETTLE_TRY_JOIN(try_result_, __LINE__)

// FETTLE_CHECK_OK(expression): returns the Error of a Result<void> from the enclosing function.
#define FETTLE_CHECK_OK(expression)                                            \
    do {                                                                       \
        if (auto check_ok_result = (expression); !check_ok_result.has_value()) \
            return std::move(check_ok_result).error();                         \
    } while (false)
