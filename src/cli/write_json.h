#pragma once

#include <nlohmann/json.hpp>

#include <iostream>

namespace aero::cli {

/// Prints an object. The name of a file may hold bytes that are not UTF-8; they become U+FFFD.
inline void write_json(const nlohmann::ordered_json& json) {
  using Handler = nlohmann::ordered_json::error_handler_t;
  std::cout << json.dump(2, ' ', /*ensure_ascii=*/false, Handler::replace) << "\n";
}

/// Prints an object on one line, at once.
inline void write_json_line(const nlohmann::ordered_json& json) {
  using Handler = nlohmann::ordered_json::error_handler_t;
  std::cout << json.dump(-1, ' ', /*ensure_ascii=*/false, Handler::replace) << "\n" << std::flush;
}

}  // namespace aero::cli
