#pragma once

#include <nlohmann/json.hpp>

#include <iostream>

namespace aero::cli {

/// Prints an object. The name of a file may hold bytes that are not UTF-8; they become U+FFFD.
inline void write_json(const nlohmann::ordered_json& json) {
  using Handler = nlohmann::ordered_json::error_handler_t;
  std::cout << json.dump(2, ' ', /*ensure_ascii=*/false, Handler::replace) << "\n";
}

}  // namespace aero::cli
