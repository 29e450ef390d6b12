#include "config/checks.h"

#include "config/bind_address.h"
#include "config/ip_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace fettle::config {
namespace {

bool is_identifier(std::string_view text) {
    const auto starts = [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c >= 0x80;  // PEP 3131; Python judges the rest
    };
    const auto continues = [&starts](unsigned char c) { return starts(c) || (c >= '0' && c <= '9'); };
    return !text.empty() && starts(static_cast<unsigned char>(text.front())) &&
           std::all_of(text.begin(), text.end(), continues);
}

bool is_dotted_name(std::string_view text) {
    for (;;) {
        const auto dot = text.find('.');
        if (!is_identifier(text.substr(0, dot))) {
            return false;
        }
        if (dot == text.npos) {
            return true;
        }
        text.remove_prefix(dot + 1);
    }
}

// "shop/wsgi.py" -> "shop.wsgi"
std::string module_of_file(std::string_view path) {
    if (path.substr(0, 2) == "./") {
        path.remove_prefix(2);
    }
    std::string module(path.substr(0, path.size() - 3));
    std::replace(module.begin(), module.end(), '/', '.');
    return module;
}

}  // namespace

Result<void> check_target(std::string_view text) {
    const auto colon = text.find(':');
    const std::string_view module = text.substr(0, colon);
    if (module.size() > 3 && module.substr(module.size() - 3) == ".py" && colon == text.npos) {
        const std::string name = module_of_file(module);
        return Error{is_dotted_name(name)
                             ? fmt::format("it names a file; name the module instead: {}", name)
                             : "it names a file; name the module instead and set app.chdir to its directory"};
    }
    if (!is_dotted_name(module)) {
        return Error{
                "the module is not a dotted Python name; expected MODULE[:ATTR], for example shop.wsgi or "
                "shop.wsgi:application"};
    }
    if (colon != text.npos && !is_dotted_name(text.substr(colon + 1))) {
        return Error{
                "the part after the colon is not a Python name; expected MODULE[:ATTR], for example "
                "shop.wsgi:application"};
    }
    return {};
}

Result<void> check_bind_address(std::string_view text) {
    FETTLE_TRY(address, parse_bind_address(text));
    (void)address;  // only its form matters here
    return {};
}

Result<void> check_trusted_peer(std::string_view text) {
    if (text == TrustedPeers::kUnix) {
        return {};
    }
    if (text == "*") {
        return Error{R"(everybody is written "0.0.0.0/0", "::/0", "unix")"};
    }
    FETTLE_TRY(network, parse_ip_network(text));
    (void)network;  // only its form matters here
    return {};
}

Result<void> check_variable_name(std::string_view text) {
    if (text.empty() || text.find_first_of(std::string_view("=\0", 2)) != text.npos) {
        return Error{"the name of an environment variable is not empty and contains neither '=' nor NUL"};
    }
    return {};
}

Result<void> check_script_name(std::string_view text) {
    const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (text.front() != '/' || text.back() == '/' || std::any_of(text.begin(), text.end(), is_control)) {
        return Error{"a mount point starts with '/', does not end with one and holds no control characters: /shop"};
    }
    return {};
}

Result<void> check_warmup_path(std::string_view text) {
    const auto is_visible = [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; };
    if (!text.starts_with('/') || !std::all_of(text.begin(), text.end(), is_visible)) {
        return Error{"a path starts with '/' and is written as in a request, other bytes as %XX: /search?q=caf%C3%A9"};
    }
    return {};
}

Result<void> check_header_value(std::string_view text) {
    const bool control =
            std::any_of(text.begin(), text.end(), [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
    if (control) {
        return Error{"a header's value contains no control characters"};
    }
    return {};
}

}  // namespace fettle::config
