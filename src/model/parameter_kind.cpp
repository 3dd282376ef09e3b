#include "aero/model/parameter_kind.h"

#include "aero/core/error.h"

#include <map>
#include <regex>

namespace aero::model {
namespace {

/// By the name without the block's "blocks.<l>.".
const std::map<std::string, ParameterKind>& kinds() {
  using enum ParameterKind;
  static const std::map<std::string, ParameterKind> all{
      {"tokens.weight", embedding},
      {"positions.weight", embedding},
      {"norm1.weight", norm},
      {"norm1.bias", norm},
      {"attention.q.weight", matrix},
      {"attention.q.bias", bias},
      {"attention.k.weight", matrix},
      {"attention.k.bias", bias},
      {"attention.v.weight", matrix},
      {"attention.v.bias", bias},
      {"attention.o.weight", branch_output},
      {"attention.o.bias", bias},
      {"norm2.weight", norm},
      {"norm2.bias", norm},
      {"ffn.w_in.weight", matrix},
      {"ffn.w_in.bias", bias},
      {"ffn.activation.slope", slope},
      {"ffn.w_out.weight", branch_output},
      {"ffn.w_out.bias", bias},
      {"ffn.w.weight", branch_output},
      {"ffn.w.bias", bias},
      {"activation.slope", slope},
      {"alpha", scale},
      {"beta", scale},
      {"attention_gain", scale},
      {"skip_gain", scale},
      {"ffn_gain", scale},
      {"attention.alpha", scale},
      {"attention.beta", scale},
      {"attention.gamma", scale},
      {"attention.value_gain", scale},
      {"attention.value_skip", scale},
      {"attention.q.gain", gain},
      {"attention.k.gain", gain},
      {"attention.v.gain", gain},
      {"attention.o.gain", gain},
      {"ffn.w_in.gain", gain},
      {"ffn.w_out.gain", gain},
      {"ffn.w.gain", gain},
      {"attention.temperature", temperature},
      {"thresholds", threshold},
      {"final_norm.weight", norm},
      {"final_norm.bias", norm},
      {"head.weight", matrix},
  };
  return all;
}

}  // namespace

ParameterKind parameter_kind(const std::string& name) {
  static const std::regex block("^blocks\\.[0-9]+\\.");
  const auto found = kinds().find(std::regex_replace(name, block, ""));
  if (found != kinds().end()) return found->second;
  throw Error("model: a decoder has no parameter named \"" + name + "\"");
}

}  // namespace aero::model
