#pragma once

#include "aero/config/run_config.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <variant>
#include <vector>

namespace aero {

/// A reference to an enum value by name, so that one Field type serves all enums.
struct EnumRef {
  const std::vector<std::string>* names;
  std::function<std::size_t()> get;
  std::function<void(std::size_t)> set;
};

/// A name that stands for the values of several keys: "preset", "architecture".
struct Shorthand {
  std::vector<std::string> names;    ///< all names, or examples if there is a pattern
  std::function<std::string()> get;  ///< the name to print; empty: the key is not printed
  std::function<void(const std::string&)> apply;  ///< throws UsageError for another name
  std::string pattern{};  ///< regular expression of all names; empty: `names` has all
};

/// A key that only the loader uses and the config does not keep: "extends", "$schema".
struct LoaderKey {};

/// The accepted interval of a number, or of the amount of a duration.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;   ///< low itself is refused
  bool high_open = false;  ///< high itself is refused

  /// Whether the interval contains the value; false for NaN and the infinities.
  bool contains(double value) const;
  /// Describes the interval: "at least 1", "in [0, 1)"; empty if it accepts every number.
  std::string text() const;
};

/// One key of the config language. Parsing, printing, --set, help, docs/config.md and the JSON
/// Schema all read this description.
struct Field {
  using Value = std::variant<bool*, std::int64_t*, double*, std::string*, Duration*,
                             std::vector<std::int64_t>*, EnumRef, Shorthand, LoaderKey>;

  std::string path;  ///< "model.n_layer"
  std::string doc;   ///< one sentence, with the unit
  Value value;
  Range range{};
  bool accepts_percent = false;  ///< durations only

  /// The last part of the path: "n_layer".
  std::string key() const;
  /// "integer", "number", "true or false", "text", "duration", "list of integers", "name".
  std::string type_text() const;
  /// The value as the config language writes it, without quotes; empty for an empty text and for a
  /// key that the config does not keep.
  std::string value_text() const;
  /// The accepted values: a range, or the list of names.
  std::string choices_text() const;
};

/// A group of fields: one JSON object, one chapter of docs/config.md.
struct Section {
  std::string path;  ///< "model", "optimizer.decay", "" for the top level
  std::string doc;
  std::vector<Field> fields;
};

/// Describes every key. The description refers to `config`, which must outlive it and not move. A
/// section stands before its sub-sections; within a section, the fields stand in the order in which
/// a layer of the config applies them.
std::vector<Section> describe(RunConfig& config);

/// Describes the section "model" and its sub-sections alone.
std::vector<Section> describe(ModelConfig& config);

}  // namespace aero
