#pragma once

#include "aero/config/faults.h"
#include "aero/config/json_value.h"
#include "aero/config/model_config.h"
#include "aero/config/overrides.h"

#include "field_table.h"

#include <map>
#include <string>
#include <vector>

namespace aero {

/// A key and the value that a source gives it.
struct Assignment {
  std::string path;
  JsonValue value;
  std::string shown;  ///< the value in messages
};

/// The assignments of one source: a file, or the command line.
struct Layer {
  std::string source;
  std::vector<Assignment> assignments;
};

/// The source of each key's value.
using Sources = std::map<std::string, std::string>;

inline constexpr const char* command_line = "command line";

/// Reads the assignments of a file. Unknown and repeated keys are faults.
Layer layer_of_object(const std::string& source, const JsonValue& root, const FieldTable& table,
                      Faults& faults);

/// Reads the assignments of the command line. If several assign one key, the last counts.
Layer layer_of_overrides(const std::vector<Override>& overrides, const FieldTable& table,
                         Faults& faults);

/// Sets the fields that the layer names, in the table's order. The table's section "model" refers
/// to `model`; a key of it must not contradict an architecture of the same layer.
void apply_layer(const Layer& layer, FieldTable& table, const ModelConfig& model, Faults& faults,
                 Sources& sources);

}  // namespace aero
