// Reads the files of tests/http_cases; their format is described in its README.md. What the format does not allow is a
// std::runtime_error that names file and line.
#pragma once

#include "config/schema.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::http::test {

// A request the application is to see.
struct ExpectedRequest {
    std::string method;
    std::string target;  // path, and "?query" unless that is empty, as received
    int http_minor = 1;
    std::vector<std::string> fields;  // "name: value", "name: " if it is empty; in the order of the message
    std::string body;
};

enum class Ending : std::uint8_t {
    Open,     // every request is answered, and the connection could take another one
    Closed,   // every request is answered; the last one said that the connection ends
    Silence,  // the bytes end inside a request
    Refused,  // what follows the requests is answered with `status`
};

struct Case {
    std::string name;  // "folder/file"
    std::string clause;
    std::string why;
    std::vector<ExpectedRequest> requests;
    Ending ending = Ending::Open;
    std::uint16_t status = 0;
    config::Http limits;  // of the server the case is for
    std::string wire;
};

// `\r \n \t \0 \\`, `\xHH`, and `\{N|text}` for N times the text, which may hold escapes itself; else as it stands.
[[nodiscard]] std::string unescape(std::string_view text);

[[nodiscard]] Case parse_case(std::string_view name, std::string_view text);

// Every case of the folder, by name.
[[nodiscard]] std::vector<Case> load_cases(const std::filesystem::path& folder);

}  // namespace fettle::http::test
