#pragma once

#include "aero/config/json_chain.h"
#include "aero/config/json_value.h"
#include "aero/config/object_reader.h"
#include "aero/pipeline/change.h"
#include "aero/pipeline/pricing.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// Parses the JSON object in `text`, the content of `file`. Throws a UsageError that names the
/// file.
JsonValue parse_description(const std::string& text, const std::filesystem::path& file,
                            const JsonKind& kind);

/// Reads the text of a file. Throws UsageError.
std::string read_description(const std::filesystem::path& file);

/// Reads what the files of sweeps and pipelines have in common.
class DescriptionReader : protected ObjectReader {
 protected:
  explicit DescriptionReader(const std::filesystem::path& file)
      : file_(file), source_(file.string()) {}
  virtual ~DescriptionReader() = default;

  std::string source_of(const std::string& /*key*/) const override { return source_; }

  /// Refuses unknown and repeated keys.
  void check_keys(const JsonValue& object, const std::string& prefix,
                  const std::vector<std::string>& known);

  /// Returns the value of a key where it is there and `fits`, else nullptr. Adds a fault where the
  /// value does not fit.
  const JsonValue* typed(const JsonValue& object, const std::string& key, const std::string& prefix,
                         const std::function<bool(const JsonValue&)>& fits,
                         const std::string& expected);
  /// Returns a non-empty text where the key is there.
  std::optional<std::string> text(const JsonValue& object, const std::string& key,
                                  const std::string& prefix = "");

  /// Reads "base", a path relative to the file. Returns an empty path after a fault.
  std::filesystem::path read_base(const JsonValue& root);
  /// Reads "seeds". Returns an empty list without the key.
  std::vector<std::int64_t> read_seeds(const JsonValue& root);

  /// Loads "cost" and "network" and those that the command line asks for. Adds a fault where one
  /// cannot be loaded.
  Pricings read_pricings(const JsonValue& root, const CostChoice& asked);

  /// Reads {"section.key": value, ...}.
  std::vector<Change> changes(const JsonValue& object, const std::string& place);
  /// Reads the value of a config key, or adds a fault.
  std::optional<Change> change(const std::string& key, const JsonValue& value,
                               const std::string& place);
  /// Says why a description must not set a key; empty where it may.
  virtual std::string reason_to_refuse(const std::string& key) const;

  static bool has(const std::vector<Change>& changes, const std::string& key);

  std::filesystem::path file_;
  std::string source_;

 private:
  std::optional<Change> list_change(const std::string& key, const JsonValue& value,
                                    const std::string& place);
};

}  // namespace aero::pipeline
