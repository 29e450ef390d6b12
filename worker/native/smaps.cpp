#include "worker/native/smaps.h"

#include "base/fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace fettle::worker {

std::uint64_t own_pss_bytes() {
    const Fd file(::open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC));
    std::array<char, 4096> buffer;  // the file is some 700 bytes, given in one read
    const ssize_t got = file.valid() ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
    if (got <= 0) {
        return 0;
    }
    std::string_view text(buffer.data(), static_cast<std::size_t>(got));
    constexpr std::string_view kField = "\nPss:";
    const std::size_t field = text.find(kField);
    if (field == std::string_view::npos) {
        return 0;
    }
    text.remove_prefix(field + kField.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    std::uint64_t kilobytes = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), kilobytes);  // leaves 0 if there is no number
    return kilobytes * 1024;
}

}  // namespace fettle::worker
