#include "base/json_text.h"

namespace fettle {

void append_json_text(std::string& out, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte == '"' || byte == '\\') {
            out.push_back('\\');
            out.push_back(character);
        } else if (byte < 0x20) {
            out.append("\\u00").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 0xf]);
        } else {
            out.push_back(character);
        }
    }
}

std::string json_string(std::string_view text) {
    std::string json = "\"";
    append_json_text(json, text);
    json.push_back('"');
    return json;
}

}  // namespace fettle
