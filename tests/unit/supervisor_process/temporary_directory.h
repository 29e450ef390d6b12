// A directory of the test's own, removed with everything in it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace fettle::testing {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "fettle-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) {
            throw std::runtime_error("mkdtemp");
        }
        path_ = name;
    }

    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::string path() const { return path_.string(); }

    // Creates the directories on the way as well; `name` may begin with a slash.
    void write(const std::string& name, const std::string& text) const {
        const std::filesystem::path file = path_.string() + "/" + name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }

    void write_executable(const std::string& name, const std::string& text) const {
        write(name, text);
        std::filesystem::permissions(path_ / name, std::filesystem::perms::owner_all);
    }

  private:
    std::filesystem::path path_;
};

}  // namespace fettle::testing
