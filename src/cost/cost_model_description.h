#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/forward_pass.h"
#include "aero/cost/pi_cost.h"

#include "file_reader.h"
#include "primitive_book.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace aero::cost {

/// What an exception adds to a pass: an operation whose shape is given by formulas over the config.
struct AddedOperation {
  std::string name;
  Primitive primitive = Primitive::matmul;
  Operand operand = Operand::weight;
  Formula count;
  Formula m;
  Formula k;
  Formula n;
};

/// Operations that a cost model counts although a config's pass has none, or the papers deny them.
struct Exception {
  std::map<std::string, std::string> when;  ///< config keys and the values that they must have
  std::vector<AddedOperation> added;
  std::string note;
};

/// What a file of a cost model says, checked.
struct CostModelDescription {
  CostModelAbout about;
  PrimitiveBook book;
  Operand temperature = Operand::weight;
  std::map<std::string, std::string> uncharged = {};  ///< names of operations, and why
  std::vector<std::vector<std::string>> joined = {};  ///< names of products that are one
  std::optional<Formula> setup_bytes = {};
  std::optional<Formula> setup_seconds = {};
  std::optional<Formula> latency = {};
  std::string latency_note = {};
  std::vector<Exception> exceptions = {};
  std::vector<std::string> notes = {};
};

/// Names that formulas of exceptions can use: T, V, L, H, d. Those of a latency can use comm_bytes
/// and gmac, too.
std::map<std::string, double> config_values(const ModelConfig& config, const Pass& pass);

/// The value of a config key that an exception can ask for: "family", "context"; absent for others.
std::optional<std::string> config_key_value(const ModelConfig& config, const std::string& key);
const std::vector<std::string>& exception_keys();

/// Reads a file whole. Throws UsageError that tells every fault.
CostModelDescription read_cost_model(const CostFile& file);

}  // namespace aero::cost
