#include "supervisor/process/python_runtime.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string_view>

namespace fettle::supervisor {

namespace {

bool is_executable_file(const std::string& path) {
    struct stat status {};

    return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

std::string search_path(const std::string& name) {
    const std::string directories = variable("PATH");
    std::string_view rest = directories;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(':'), rest.size());
        const std::string directory(rest.substr(0, end));
        std::string candidate = (directory.empty() ? "." : directory) + "/" + name;
        if (is_executable_file(candidate)) {
            return candidate;
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return "";
}

constexpr const char* kWhatToDo =
        "; install Python, activate a virtual environment, or name an interpreter with --python or python.gil";

}  // namespace

Result<std::string> find_interpreter(const std::string& configured) {
    if (!configured.empty()) {
        const std::string path = configured.find('/') == std::string::npos ? search_path(configured) : configured;
        if (path.empty()) {
            return Error{"the interpreter '" + configured + "' (python.gil) is not in PATH" + kWhatToDo};
        }
        if (!is_executable_file(path)) {
            return Error{"the interpreter '" + path + "' (python.gil) does not exist or cannot be executed" +
                         kWhatToDo};
        }
        return path;
    }
    if (const std::string environment = variable("VIRTUAL_ENV"); !environment.empty()) {
        std::string path = environment + "/bin/python";
        if (!is_executable_file(path)) {
            return Error{"the virtual environment " + environment + " (VIRTUAL_ENV) has no working bin/python" +
                         kWhatToDo};
        }
        return path;
    }
    std::string path = search_path("python3");
    if (path.empty()) {
        return Error{std::string("no Python interpreter was found: VIRTUAL_ENV is not set and PATH has no python3") +
                     kWhatToDo};
    }
    return path;
}

Result<std::string> find_boot_file(const std::string& runtime_directory) {
    std::string path = runtime_directory + "/fettle/boot.py";
    if (::access(path.c_str(), R_OK) != 0) {
        return Error{"fettle's Python runtime is not installed: " + path +
                     " cannot be read; build or install fettle again"};
    }
    return path;
}

Result<std::string> find_runtime_directory() {
    std::error_code error;
    const std::filesystem::path executable = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) {
        return Error{"cannot find out where the fettle executable is (/proc/self/exe)", error};
    }
    std::string directory = (executable.parent_path().parent_path() / "lib/fettle/python").string();
    FETTLE_TRY(boot, find_boot_file(directory));
    (void)boot;  // only that it is there
    return directory;
}

}  // namespace fettle::supervisor
