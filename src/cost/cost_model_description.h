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

/// An operation that an exception adds to a pass. Formulas over the config give its shape.
struct AddedOperation {
  std::string name;
  Primitive primitive = Primitive::matmul;
  Operand operand = Operand::weight;
  Formula count;
  Formula m;
  Formula k;
  Formula n;
};

/// Operations that a cost model counts although the pass of a config lacks them, or the papers deny
/// them.
struct Exception {
  std::map<std::string, std::string> when;  ///< config keys and the values that they must have
  std::vector<AddedOperation> added;
  std::string note;
};

/// The checked content of a cost model's file.
struct CostModelDescription {
  CostModelAbout about;
  PrimitiveBook book;
  Operand temperature = Operand::weight;
  std::map<std::string, std::string> uncharged = {};  ///< the reason for each operation's name
  std::vector<std::vector<std::string>> joined = {};  ///< names of products that become one
  std::optional<Formula> setup_bytes = {};
  std::optional<Formula> setup_seconds = {};
  std::optional<Formula> latency = {};
  std::string latency_note = {};
  std::vector<Exception> exceptions = {};
  std::vector<std::string> notes = {};
};

/// Returns the values of the names that formulas of exceptions can use: T, V, L, H, d. A latency's
/// formula can also use comm_bytes and gmac.
std::map<std::string, double> config_values(const ModelConfig& config, const Pass& pass);

/// Returns the value of a config key that an exception can ask for ("family", "context"), or
/// nothing for another key.
std::optional<std::string> config_key_value(const ModelConfig& config, const std::string& key);
const std::vector<std::string>& exception_keys();

/// Reads a whole file. Throws UsageError that lists every fault.
CostModelDescription read_cost_model(const CostFile& file);

}  // namespace aero::cost
