// FETTLE_ASSERT: a broken invariant of ours (never bad input) ends the process with file, line and a message. It is
// active in every build: a supervisor that no longer knows its state must not go on killing and starting processes.
#pragma once

namespace fettle {

// Writes "file:line: assertion 'expression' failed: message" to standard error with one write(2) and aborts.
[[noreturn]] void assertion_failed(const char* file, int line, const char* expression, const char* message);

}  // namespace fettle

#define FETTLE_ASSERT(condition, message)                                        \
    do {                                                                         \
        if (!(condition)) [[unlikely]]                                           \
            ::fettle::assertion_failed(__FILE__, __LINE__, #condition, message); \
    } while (false)
