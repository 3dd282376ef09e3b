#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

namespace aero::testing_support {

/// A nanoGPT token file of 1,000 tokens below 29, which follow a pattern: i^2 mod 29.
inline void write_square_tokens(const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  for (std::uint16_t i = 0; i < 1000; ++i) {
    const auto token = static_cast<std::uint16_t>(i * i % 29);
    file.write(reinterpret_cast<const char*>(&token), sizeof token);
  }
}

}  // namespace aero::testing_support
