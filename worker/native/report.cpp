#include "worker/native/report.h"

#include "base/json_text.h"
#include "worker/native/compat.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace fettle::worker {

namespace {

// "2026-01-31 12:00:00.000 +00:00", or "2026-01-31T12:00:00.000+00:00" for programs.
std::string current_time(bool json) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm local{};
    ::localtime_r(&now.tv_sec, &local);
    std::array<char, 32> seconds{};
    std::array<char, 8> zone{};
    (void)std::strftime(seconds.data(), seconds.size(), json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &local);
    (void)std::strftime(zone.data(), zone.size(), "%z", &local);
    const std::string milliseconds = std::to_string(1000 + now.tv_nsec / 1'000'000).substr(1);
    std::string time = std::string(seconds.data()) + "." + milliseconds + (json ? "" : " ") + zone.data();
    return time.insert(time.size() - 2, 1, ':');
}

// For one line of a log that people and programs read: control characters must not forge a second line.
std::string printable(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte != 0x7f) {
            result.push_back(c);
        } else {
            result.append("\\x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 0xf]);
        }
    }
    return result;
}

// UTF-8, whatever the object holds; empty if it is not a str.
std::string utf8(PyObject* text) {
    if (text == nullptr || !PyUnicode_Check(text)) {
        return {};
    }
    const py::Ref bytes = py::Ref::steal(PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace"));
    if (!bytes) {
        PyErr_Clear();
        return {};
    }
    return {PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))};
}

// One entry of the log before it has a form.
struct Entry {
    std::string_view level;
    std::string_view what;
    std::uint32_t seat = 0;
    std::vector<std::pair<std::string_view, std::string>> fields;  // besides the seat
    std::string summary;                                           // of an exception; may be empty
    std::string traceback;                                         // may be empty
};

void add_request(Entry& entry, const Slot& slot) {
    const RunningRequest& request = slot.running;
    entry.fields = {{"request_id", utf8(request.id.get())},
                    {"method", utf8(request.method.get())},
                    {"uri", utf8(request.uri.get())}};
}

// "ValueError: bad": the first line of what str() gives.
std::string summary(PyObject* exception) {
    std::string text = Py_TYPE(exception)->tp_name;
    const py::Ref words = py::Ref::steal(PyObject_Str(exception));
    if (!words) {
        PyErr_Clear();
        return text;
    }
    const std::string said = utf8(words.get());
    return said.empty() ? text : text + ": " + printable(said.substr(0, said.find('\n')));
}

// As Python prints it; empty if that fails too.
std::string format_traceback(const ModuleState& state, PyObject* exception) {
    const py::Ref lines = py::Ref::steal(PyObject_CallOneArg(state.format_exception.get(), exception));
    const py::Ref separator = py::Ref::borrow(state.constants[Value::Empty]);
    const py::Ref text = lines ? py::Ref::steal(PyUnicode_Join(separator.get(), lines.get())) : py::Ref();
    if (!text) {
        PyErr_Clear();
        return {};
    }
    return utf8(text.get());
}

// Both as base/logging writes them.
std::string as_text(const Entry& entry) {
    std::string text = current_time(false) + " [" + std::to_string(::getpid()) + "] worker ";
    text.append(entry.level).append(": ").append(entry.what).append(" seat=").append(std::to_string(entry.seat));
    for (const auto& [key, value] : entry.fields) {
        text.append(" ").append(key).append("=").append(printable(value));
    }
    return text.append(entry.summary.empty() ? "" : ": ").append(entry.summary).append("\n").append(entry.traceback);
}

std::string as_json(const Entry& entry) {
    std::string message(entry.what);
    message.append(entry.summary.empty() ? "" : ": ").append(entry.summary);
    std::string json = R"({"time":")" + current_time(true) + R"(","level":)" + json_string(entry.level) +
                       R"(,"process":"worker","pid":)" + std::to_string(::getpid()) + R"(,"message":)" +
                       json_string(message) + R"(,"fields":{"seat":)" + std::to_string(entry.seat);
    for (const auto& [key, value] : entry.fields) {
        json.append(",").append(json_string(key)).append(":").append(json_string(value));
    }
    json += "}";
    if (!entry.traceback.empty()) {
        json.append(R"(,"traceback":)").append(json_string(entry.traceback));
    }
    return json + "}\n";
}

void write_entry(const Slot& slot, const Entry& entry) {
    const LogTarget& log = slot.state.log;
    const std::string text = log.json ? as_json(entry) : as_text(entry);
    const py::NoGil detached;  // the reader of a pipe may be slow
    write_whole(log.fd, text);
}

Entry entry_of(const Slot& slot, std::string_view level, std::string_view what) {
    return {.level = level, .what = what, .seat = slot.worker.id().seat, .fields = {}, .summary = {}, .traceback = {}};
}

void add_exception(Entry& entry, const Slot& slot, const py::Ref& exception) {
    entry.summary = summary(exception.get());
    entry.traceback = format_traceback(slot.state, exception.get());
}

}  // namespace

void write_whole(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return;  // nobody can be told
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

void report_exception(const Slot& slot, std::string_view what, py::Ref exception) {
    Entry entry = entry_of(slot, "error", what);
    add_request(entry, slot);
    add_exception(entry, slot, exception);
    write_entry(slot, entry);
}

void report_signal_exception(const Slot& slot, py::Ref exception) {
    Entry entry = entry_of(slot, "error", "signal handler raised");
    add_exception(entry, slot, exception);
    write_entry(slot, entry);
}

void report_request(const Slot& slot, std::string_view level, std::string_view what) {
    Entry entry = entry_of(slot, level, what);
    add_request(entry, slot);
    write_entry(slot, entry);
}

}  // namespace fettle::worker
