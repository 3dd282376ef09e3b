#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace aero::exchange {

/// Reads the keys of a config.json. Messages name the file, the key and the value. A key that is
/// absent has the default that is given.
class SettingsReader {
 public:
  /// Throws Error where the file is missing or holds no JSON object.
  explicit SettingsReader(std::filesystem::path file);

  std::int64_t integer(const std::string& key, std::int64_t absent) const;
  std::optional<std::int64_t> optional_integer(const std::string& key) const;
  double number(const std::string& key, double absent) const;
  bool flag(const std::string& key, bool absent) const;
  std::string text(const std::string& key, const std::string& absent) const;
  std::vector<std::string> texts(const std::string& key) const;
  std::vector<std::string> keys() const;
  /// Whether the key is there and neither null, false, empty nor zero.
  bool is_set(const std::string& key) const;
  /// Returns the object under `key`, whose keys messages call "key.inner"; nothing if it is absent
  /// or null.
  std::optional<SettingsReader> inner(const std::string& key) const;

  /// Throws UsageError: AERO has no counterpart of what the key asks for.
  [[noreturn]] void refuse(const std::string& key, const std::string& reason) const;

 private:
  SettingsReader(std::filesystem::path file, std::string place, nlohmann::json root);

  const nlohmann::json* find(const std::string& key) const;
  [[noreturn]] void wrong_type(const std::string& key, const char* expected) const;

  std::filesystem::path file_;
  std::string place_;  ///< before the names of keys
  nlohmann::json root_;
};

}  // namespace aero::exchange
