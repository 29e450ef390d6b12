#include "base/assert.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

namespace fettle {

void assertion_failed(const char* file, int line, const char* expression, const char* message) {
    std::string text = std::string(file) + ":" + std::to_string(line) + ": assertion '" + expression +
                       "' failed: " + message + "\n";
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    std::abort();
}

}  // namespace fettle
