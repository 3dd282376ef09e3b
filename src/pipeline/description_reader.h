#pragma once

#include "aero/config/json_chain.h"
#include "aero/config/json_value.h"
#include "aero/config/object_reader.h"
#include "aero/pipeline/change.h"
#include "aero/pipeline/pricing.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace aero::pipeline {

/// The JSON object in a text that stands for `file`. Throws UsageError that names the file.
JsonValue parse_description(const std::string& text, const std::filesystem::path& file,
                            const JsonKind& kind);

/// The text of a file. Throws UsageError.
std::string read_description(const std::filesystem::path& file);

/// What the files of sweeps and pipelines have in common.
class DescriptionReader : protected ObjectReader {
 protected:
  explicit DescriptionReader(const std::filesystem::path& file)
      : file_(file), source_(file.string()) {}
  virtual ~DescriptionReader() = default;

  std::string source_of(const std::string& /*key*/) const override { return source_; }

  /// Refuses keys that are unknown, or stand there twice.
  void check_keys(const JsonValue& object, const std::string& prefix,
                  const std::vector<std::string>& known);

  /// The value of a key that fits, where it is there.
  const JsonValue* typed(const JsonValue& object, const std::string& key, const std::string& prefix,
                         const std::function<bool(const JsonValue&)>& fits,
                         const std::string& expected);
  /// A text that is not empty, where the key is there.
  std::optional<std::string> text(const JsonValue& object, const std::string& key,
                                  const std::string& prefix = "");

  /// "base", relative to the file; empty with a fault.
  std::filesystem::path read_base(const JsonValue& root);
  /// "seeds"; empty without the key.
  std::vector<std::int64_t> read_seeds(const JsonValue& root);

  /// "cost" and "network", and what the command line asks for; a fault where one cannot be loaded.
  Pricings read_pricings(const JsonValue& root, const CostChoice& asked);

  /// {"section.key": value, ...}
  std::vector<Change> changes(const JsonValue& object, const std::string& place);
  /// A value of a config key, or a fault.
  std::optional<Change> change(const std::string& key, const JsonValue& value,
                               const std::string& place);
  /// Why a description must not set a key; empty for the others.
  virtual std::string reason_to_refuse(const std::string& key) const;

  static bool has(const std::vector<Change>& changes, const std::string& key);

  std::filesystem::path file_;
  std::string source_;

 private:
  std::optional<Change> list_change(const std::string& key, const JsonValue& value,
                                    const std::string& place);
};

}  // namespace aero::pipeline
