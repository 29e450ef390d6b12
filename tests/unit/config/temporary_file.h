// A file with a given text that is gone at the end of the test. Messages name it by its path, so tests compare with
// path() + ":1:1".
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace fettle::config {

class TemporaryFile {
  public:
    explicit TemporaryFile(std::string_view text) {
        const int fd = mkstemp(path_.data());
        if (fd < 0) {
            throw std::runtime_error("mkstemp failed");
        }
        close(fd);
        std::ofstream(path_, std::ios::binary) << text;
    }

    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    ~TemporaryFile() { unlink(path_.c_str()); }

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_ = "/tmp/fettle-config-test-XXXXXX";
};

}  // namespace fettle::config
