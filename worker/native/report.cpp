#include "worker/native/report.h"

#include "worker/native/compat.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string>

namespace fettle::worker {

namespace {

// "2026-01-31 12:00:00.000 +00:00 [4711] worker error: "
std::string prefix(std::string_view level) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    tm local{};
    ::localtime_r(&now.tv_sec, &local);
    std::array<char, 32> seconds{};
    std::array<char, 8> zone{};
    (void)std::strftime(seconds.data(), seconds.size(), "%Y-%m-%d %H:%M:%S", &local);
    (void)std::strftime(zone.data(), zone.size(), "%z", &local);
    const std::string milliseconds = std::to_string(1000 + now.tv_nsec / 1'000'000).substr(1);
    std::string line = std::string(seconds.data()) + "." + milliseconds + " " + zone.data();
    line.insert(line.size() - 2, 1, ':');
    line.append(" [").append(std::to_string(::getpid())).append("] worker ").append(level).append(": ");
    return line;
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

std::string describe_request(const Slot& slot) {
    const RunningRequest& request = slot.running;
    return " seat=" + std::to_string(slot.worker.id().seat) + " request_id=" + printable(utf8(request.id.get())) +
           " method=" + printable(utf8(request.method.get())) + " uri=" + printable(utf8(request.uri.get()));
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

void report(const Slot& slot, const std::string& line, const py::Ref& exception) {
    std::string text = prefix("error") + line + ": " + summary(exception.get()) + "\n";
    text += format_traceback(slot.state, exception.get());
    write_log(text);
}

}  // namespace

void write_log(std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return;  // nobody can be told
        }
        text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
}

void report_exception(const Slot& slot, std::string_view what, py::Ref exception) {
    report(slot, std::string(what) + describe_request(slot), exception);
}

void report_signal_exception(const Slot& slot, py::Ref exception) {
    report(slot, "signal handler raised seat=" + std::to_string(slot.worker.id().seat), exception);
}

void report_request(const Slot& slot, std::string_view level, std::string_view what) {
    write_log(prefix(level) + std::string(what) + describe_request(slot) + "\n");
}

}  // namespace fettle::worker
