#include "worker/native/process_title.h"

#include "base/fd.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>

namespace fettle::worker {

namespace {

struct Area {
    char* begin = nullptr;
    std::size_t bytes = 0;
};

// Fields 48 and 49 of /proc/self/stat (proc(5)): arg_start and arg_end. They are 0 without the right to ptrace oneself.
Area command_line_area() {
    constexpr int kFieldsBehindName = 46;  // field 48 is the 46th behind the name, which may contain blanks
    const Fd file(::open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    std::array<char, 2048> buffer;
    const ssize_t got = file.valid() ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
    if (got <= 0) {
        return {};
    }
    std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    text.remove_prefix(std::min(text.rfind(')'), text.size()));
    for (int field = 0; field < kFieldsBehindName; ++field) {
        text.remove_prefix(std::min(text.find(' '), text.size() - 1) + 1);
    }
    std::array<std::uintptr_t, 2> bounds{};
    for (std::uintptr_t& bound : bounds) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bound);
        if (error != std::errc()) {
            return {};
        }
        text.remove_prefix(std::min<std::size_t>(static_cast<std::size_t>(end - text.data()) + 1, text.size()));
    }
    const auto [begin, end] = bounds;
    return begin == 0 || end <= begin ? Area{} : Area{reinterpret_cast<char*>(begin), end - begin};
}

}  // namespace

void set_process_title(std::string_view title) {
    const Area area = command_line_area();
    if (area.bytes > 1) {
        // The last byte stays 0: the kernel then shows the area alone and not the environment behind it.
        const std::size_t length = std::min(title.size(), area.bytes - 1);
        std::memcpy(area.begin, title.data(), length);
        std::memset(area.begin + length, 0, area.bytes - length);
    }
    std::string name(title);
    std::erase(name, ' ');
    (void)::prctl(PR_SET_NAME, name.c_str());  // cannot fail for a valid pointer
}

}  // namespace fettle::worker
