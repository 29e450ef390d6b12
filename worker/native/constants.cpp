#include "worker/native/constants.h"

#include <algorithm>
#include <string>

namespace fettle::worker {

namespace {

constexpr std::array kNames = {
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "PATH_INFO",
        "QUERY_STRING",
        "RAW_URI",
        "REQUEST_URI",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "HTTPS",
        "CONTENT_LENGTH",
        "wsgi.version",
        "wsgi.url_scheme",
        "wsgi.input",
        "wsgi.input_terminated",
        "wsgi.errors",
        "wsgi.multithread",
        "wsgi.multiprocess",
        "wsgi.run_once",
        "wsgi.file_wrapper",
        "fettle.request_id",
        "close",
        "read",
        "fileno",
        "tell",
        "flush",
        "raw",
};
static_assert(kNames.size() == static_cast<std::size_t>(Name::Count));

constexpr std::array kValues = {"", "http", "https", "HTTP/1.0", "HTTP/1.1", "80", "443", "on"};
static_assert(kValues.size() == static_cast<std::size_t>(Value::Count));

constexpr std::array<std::string_view, 7> kMethodNames = {"GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"};

template <class Names, class Refs>
bool intern(const Names& names, Refs& refs) {
    return std::equal(names.begin(), names.end(), refs.begin(), [](const auto& name, py::Ref& ref) {
        ref = py::Ref::steal(PyUnicode_InternFromString(std::string(name).c_str()));
        return static_cast<bool>(ref);
    });
}

// "accept-encoding" -> "HTTP_ACCEPT_ENCODING"; the two that PEP 3333 names without HTTP_ stay without.
std::string environ_key(ipc::KnownHeader header) {
    std::string key(ipc::known_header_name(header));
    std::transform(key.begin(), key.end(), key.begin(), [](char c) {
        const bool lower = c >= 'a' && c <= 'z';
        return c == '-' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c;
    });
    const bool bare = header == ipc::KnownHeader::ContentType || header == ipc::KnownHeader::ContentLength;
    return bare ? key : "HTTP_" + key;
}

template <class Refs>
int visit_all(const Refs& refs, visitproc visitor, void* argument) {
    for (const py::Ref& ref : refs) {
        if (const int stop = ref.visit(visitor, argument); stop != 0) {
            return stop;
        }
    }
    return 0;
}

template <class Refs>
void clear_all(Refs& refs) {
    std::for_each(refs.begin(), refs.end(), [](py::Ref& ref) { ref.reset(); });
}

}  // namespace

bool Constants::make() {
    for (std::size_t known = 1; known < header_keys_.size(); ++known) {
        const std::string key = environ_key(static_cast<ipc::KnownHeader>(known));
        header_keys_[known] = py::Ref::steal(PyUnicode_InternFromString(key.c_str()));
        if (!header_keys_[known]) {
            return false;
        }
    }
    static_assert(kMethodNames.size() == kMethods);
    return intern(kNames, names_) && intern(kValues, values_) && intern(kMethodNames, methods_);
}

py::Ref Constants::method(std::string_view name) const {
    for (std::size_t index = 0; index < kMethods; ++index) {
        if (kMethodNames[index] == name) {
            return py::Ref::borrow(methods_[index].get());
        }
    }
    return latin1(name);
}

int Constants::visit(visitproc visitor, void* argument) const {
    for (const int stop : {visit_all(names_, visitor, argument), visit_all(values_, visitor, argument),
                           visit_all(header_keys_, visitor, argument), visit_all(methods_, visitor, argument)}) {
        if (stop != 0) {
            return stop;
        }
    }
    return 0;
}

void Constants::clear() {
    clear_all(names_);
    clear_all(values_);
    clear_all(header_keys_);
    clear_all(methods_);
}

}  // namespace fettle::worker
