#include "worker/native/environ.h"

#include "worker/native/compat.h"

#include <array>
#include <charconv>
#include <iterator>
#include <string>

namespace fettle::worker {

namespace {

using Text = std::string_view;

bool put(PyObject* environ, PyObject* key, PyObject* value) {
    return value != nullptr && PyDict_SetItem(environ, key, value) == 0;
}

bool put(PyObject* environ, PyObject* key, const py::Ref& value) {
    return put(environ, key, value.get());
}

py::Ref decimal(std::uint64_t number) {
    std::array<char, 20> digits;
    const char* end = std::to_chars(digits.begin(), digits.end(), number).ptr;
    return latin1({digits.data(), static_cast<std::size_t>(end - digits.data())});
}

// ---- the request line

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// %XX becomes a byte, anything else stays.
std::string decode_path(Text path) {
    std::string decoded;
    decoded.reserve(path.size());
    for (std::size_t at = 0; at < path.size(); ++at) {
        const bool escape = path[at] == '%' && path.size() - at > 2;
        const int high = escape ? hex_value(path[at + 1]) : -1;
        const int low = escape ? hex_value(path[at + 2]) : -1;
        if (high >= 0 && low >= 0) {
            decoded.push_back(static_cast<char>(high * 16 + low));
            at += 2;
        } else {
            decoded.push_back(path[at]);
        }
    }
    return decoded;
}

// What is left of a path at the mount point `script_name`; all of it if a proxy has cut the mount point off.
Text without_prefix(Text path, Text script_name) {
    const bool below = path.substr(0, script_name.size()) == script_name &&
                       (path.size() == script_name.size() || path[script_name.size()] == '/');
    return below ? path.substr(script_name.size()) : path;
}

// `raw` is the str of `path`, used again if nothing is to be decoded or cut.
py::Ref make_path_info(Text path, const py::Ref& raw, Text script_name) {
    if (path == "*") {
        return latin1({});  // OPTIONS * is about no path (RFC 9110 §9.3.7)
    }
    const bool plain = path.find('%') == Text::npos;
    if (plain && script_name.empty()) {
        return py::Ref::borrow(raw.get());
    }
    const std::string decoded = plain ? std::string(path) : decode_path(path);
    return latin1(without_prefix(decoded, script_name));
}

py::Ref join_uri(Text path, Text query) {
    std::string uri;
    uri.reserve(path.size() + 1 + query.size());
    uri.append(path).append(1, '?').append(query);
    return latin1(uri);
}

bool put_request_line(Slot& slot, const ipc::RequestView& request, PyObject* environ) {
    const Constants& constants = slot.state.constants;
    const ipc::RequestRecord& record = request.record();
    const Text path = request.text(record.path);
    const Text query = request.text(record.query);
    py::Ref raw_path = slot.texts.path.get(path);
    const py::Ref path_info = make_path_info(path, raw_path, slot.script_name);
    slot.running.method = constants.method(request.text(record.method));
    slot.running.uri = query.empty() ? std::move(raw_path) : join_uri(path, query);
    return put(environ, constants[Name::RequestMethod], slot.running.method) &&
           put(environ, constants[Name::RawUri], slot.running.uri) &&
           put(environ, constants[Name::RequestUri], slot.running.uri) &&
           put(environ, constants[Name::PathInfo], path_info) &&
           (query.empty() || put(environ, constants[Name::QueryString], latin1(query))) &&
           (record.http_minor == 1 || put(environ, constants[Name::ServerProtocol], constants[Value::Http10]));
}

// ---- addresses

// Splits "host:port" and "[v6]:port"; the port is empty if there is none.
std::pair<Text, Text> split_host(Text host) {
    const std::size_t colon = host.rfind(':');
    const std::size_t bracket = host.rfind(']');
    if (colon == Text::npos || (bracket != Text::npos && colon < bracket)) {
        return {host, {}};
    }
    return {host.substr(0, colon), host.substr(colon + 1)};
}

Text find_header(const ipc::RequestView& request, ipc::KnownHeader wanted) {
    for (const ipc::HeaderEntry& entry : request.headers()) {
        if (entry.known == static_cast<std::uint16_t>(wanted)) {
            return request.text(entry.value);
        }
    }
    return {};
}

// A Unix socket has neither name nor port of a server: as gunicorn does, the client's Host says both.
bool put_server_of_unix_socket(const Constants& constants, const ipc::RequestView& request, PyObject* environ) {
    const auto [name, port] = split_host(find_header(request, ipc::KnownHeader::Host));
    PyObject* usual_port = constants[request.record().https != 0 ? Value::Port443 : Value::Port80];
    return put(environ, constants[Name::ServerName],
               latin1(name.empty() ? request.text(request.record().server_name) : name)) &&
           put(environ, constants[Name::ServerPort], port.empty() ? py::Ref::borrow(usual_port) : latin1(port));
}

bool put_addresses(Slot& slot, const ipc::RequestView& request, PyObject* environ) {
    const Constants& constants = slot.state.constants;
    const ipc::RequestRecord& record = request.record();
    const Text client = request.text(record.client_address);
    // What is not known stays empty, as in the template.
    const bool client_put =
            (client.empty() || put(environ, constants[Name::RemoteAddr], slot.texts.client_address.get(client))) &&
            (record.client_port == 0 ||
             put(environ, constants[Name::RemotePort], slot.texts.ports.get(record.client_port)));
    if (!client_put || record.server_port == 0) {
        return client_put && put_server_of_unix_socket(constants, request, environ);
    }
    return put(environ, constants[Name::ServerName], slot.texts.server_name.get(request.text(record.server_name))) &&
           put(environ, constants[Name::ServerPort], slot.texts.ports.get(record.server_port));
}

// PEP 3333 wants HTTPS beside wsgi.url_scheme, as Apache has it: programs that began as CGI look there.
bool put_https(const Constants& constants, PyObject* environ) {
    return put(environ, constants[Name::WsgiUrlScheme], constants[Value::Https]) &&
           put(environ, constants[Name::Https], constants[Value::On]);
}

// ---- headers

// HTTP_X_CUSTOM for x-custom; null without an error for names that have no place in an environ.
py::Ref other_header_key(Text name) {
    constexpr Text kPrefix = "HTTP_";
    if (name.find('_') != Text::npos || name == "proxy") {
        return {};
    }
    std::string key(kPrefix);
    key.reserve(kPrefix.size() + name.size());
    for (const char c : name) {
        const bool lower = c >= 'a' && c <= 'z';
        key.push_back(c == '-' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c);
    }
    return latin1(key);
}

// RFC 9110 §5.3; cookies are joined as RFC 6265 §5.4 has them.
bool join_value(PyObject* environ, PyObject* key, PyObject* before, PyObject* value, bool cookie) {
    return put(environ, key, py::Ref::steal(PyUnicode_FromFormat(cookie ? "%U; %U" : "%U,%U", before, value)));
}

bool put_header(Slot& slot, const ipc::RequestView& request, const ipc::HeaderEntry& entry, PyObject* environ) {
    PyObject* known = slot.state.constants.header_key(entry.known);
    const py::Ref key = known != nullptr ? py::Ref::borrow(known) : other_header_key(request.text(entry.name));
    if (!key) {
        return PyErr_Occurred() == nullptr;
    }
    const std::string_view text = request.text(entry.value);
    const py::Ref value = known != nullptr ? slot.texts.header(entry.known, text) : latin1(text);
    if (!value) {
        return false;
    }
    py::Ref there = py::Ref::borrow(value.get());
    switch (py::dict_set_default(environ, key.get(), there)) {
        case 0:
            return true;
        case 1: {
            const bool cookie = entry.known == static_cast<std::uint16_t>(ipc::KnownHeader::Cookie);
            return join_value(environ, key.get(), there.get(), value.get(), cookie);
        }
        default:
            return false;
    }
}

bool put_headers(Slot& slot, const ipc::RequestView& request, PyObject* environ) {
    bool declared = false;
    for (const ipc::HeaderEntry& entry : request.headers()) {
        declared = declared || entry.known == static_cast<std::uint16_t>(ipc::KnownHeader::ContentLength);
        if (!put_header(slot, request, entry, environ)) {
            return false;
        }
    }
    // A chunked body that arrived whole has a length by now. Applications that ask only for CONTENT_LENGTH would miss
    // the body.
    const std::uint64_t length = request.record().body_length;
    return declared || length == 0 || length == ipc::kBodyLengthUnknown ||
           put(environ, slot.state.constants[Name::ContentLength], decimal(length));
}

}  // namespace

py::Ref make_environ_template(const ModuleState& state, const Setting& setting, PyObject* errors) {
    const Constants& constants = state.constants;
    PyObject* empty = constants[Value::Empty];
    py::Ref dict = py::Ref::steal(PyDict_New());
    const py::Ref version = py::Ref::steal(Py_BuildValue("(ii)", 1, 0));
    const py::Ref software = latin1("fettle/" FETTLE_VERSION);
    const py::Ref script_name = latin1(setting.script_name);
    if (!dict || !version || !software || !script_name) {
        return {};
    }
    // More than 21 entries, so that the dict has 64 places (dicts grow beyond 2/3 of 32) and its copies take the
    // headers of a usual request without growing: PyDict_Copy() keeps the size.
    const std::pair<Name, PyObject*> entries[] = {
            {Name::RequestMethod, empty},
            {Name::ScriptName, script_name.get()},
            {Name::PathInfo, empty},
            {Name::QueryString, empty},
            {Name::RawUri, empty},
            {Name::RequestUri, empty},
            {Name::ServerName, empty},
            {Name::ServerPort, empty},
            {Name::ServerProtocol, constants[Value::Http11]},
            {Name::ServerSoftware, software.get()},
            {Name::RemoteAddr, empty},
            {Name::RemotePort, empty},
            {Name::WsgiVersion, version.get()},
            {Name::WsgiUrlScheme, constants[Value::Http]},
            {Name::WsgiInput, Py_None},
            {Name::WsgiInputTerminated, Py_True},
            {Name::WsgiErrors, errors},
            {Name::WsgiMultithread, setting.multithread ? Py_True : Py_False},
            {Name::WsgiMultiprocess, setting.multiprocess ? Py_True : Py_False},
            {Name::WsgiRunOnce, Py_False},
            {Name::WsgiFileWrapper, state.file_wrapper_type.get()},
            {Name::RequestId, empty},
    };
    static_assert(std::size(entries) > 21);
    for (const auto& [name, value] : entries) {
        if (!put(dict.get(), constants[name], value)) {
            return {};
        }
    }
    return dict;
}

py::Ref make_environ(Slot& slot, const ipc::RequestView& request, PyObject* input_stream) {
    const Constants& constants = slot.state.constants;
    py::Ref environ = py::Ref::steal(PyDict_Copy(slot.environ_template.get()));
    slot.running.id = latin1(request.text(request.record().request_id));
    const bool filled = environ && put(environ.get(), constants[Name::WsgiInput], input_stream) &&
                        put(environ.get(), constants[Name::RequestId], slot.running.id) &&
                        put_request_line(slot, request, environ.get()) && put_addresses(slot, request, environ.get()) &&
                        (request.record().https == 0 || put_https(constants, environ.get())) &&
                        put_headers(slot, request, environ.get());
    return filled ? std::move(environ) : py::Ref();
}

}  // namespace fettle::worker
