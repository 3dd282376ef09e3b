#include "primitive_calls.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>

namespace aero::cost {
namespace {

/// A second operand that a primitive can have, and the ending of its name in cost models.
struct OperandName {
  Operand operand;
  const char* ending;
};

std::vector<OperandName> operands_of(PrimitiveRole role) {
  switch (role) {
    case PrimitiveRole::look_up:
    case PrimitiveRole::head:
      return {{Operand::weight, ""}};
    case PrimitiveRole::product:
      return {{Operand::weight, "_weight"}, {Operand::activation, "_activation"}};
    case PrimitiveRole::scale:
      return {{Operand::activation, "_activation"},
              {Operand::weight, "_weight"},
              {Operand::constant, "_constant"}};
    case PrimitiveRole::attention:
    case PrimitiveRole::norm:
    case PrimitiveRole::activation:
      return {{Operand::none, ""}};
  }
  throw Error("a primitive of an unknown role");
}

std::vector<std::string> arguments_of(PrimitiveRole role) {
  switch (role) {
    case PrimitiveRole::look_up:
    case PrimitiveRole::head:
      return {"tokens", "words", "width"};
    case PrimitiveRole::product:
      return {"m", "k", "n"};
    case PrimitiveRole::attention:
    case PrimitiveRole::norm:
      return {"rows", "columns"};
    case PrimitiveRole::scale:
    case PrimitiveRole::activation:
      return {"n"};
  }
  throw Error("a primitive of an unknown role");
}

/// Returns the values of a primitive's arguments, and the number of calls.
PrimitiveCall call_of(const CalledPrimitive& primitive, const ForwardOperation& o) {
  const double count = static_cast<double>(o.count);
  const double m = static_cast<double>(o.m);
  const double k = static_cast<double>(o.k);
  const double n = static_cast<double>(o.n);
  switch (traits(o.primitive).role) {
    case PrimitiveRole::look_up:
    case PrimitiveRole::product:
      return {&primitive, {m, k, n}, count};
    case PrimitiveRole::head:
      return {&primitive, {m, n, k}, count};
    case PrimitiveRole::attention:
    case PrimitiveRole::norm:
      return {&primitive, {count * m, n}, 1};
    case PrimitiveRole::scale:
    case PrimitiveRole::activation:
      return {&primitive, {count * m * n}, 1};
  }
  throw Error("a primitive of an unknown role");
}

}  // namespace

const std::vector<CalledPrimitive>& called_primitives() {
  static const std::vector<CalledPrimitive> all = [] {
    std::vector<CalledPrimitive> list;
    for (const PrimitiveTraits& row : primitives) {
      for (const auto& [operand, ending] : operands_of(row.role)) {
        list.push_back(
            {row.primitive, operand, std::string(row.name) + ending, arguments_of(row.role)});
      }
    }
    return list;
  }();
  return all;
}

PrimitiveCall primitive_call(const ForwardOperation& o) {
  for (const CalledPrimitive& called : called_primitives()) {
    if (called.primitive == o.primitive && called.operand == o.operand) return call_of(called, o);
  }
  throw Error(fmt::format("operation {}: no cost model can price a {} with this operand", o.name,
                          traits(o.primitive).name));
}

std::vector<std::string> operation_names() {
  const ModelConfig plain{.n_layer = 1, .ffn_scaled = true, .temperature = TemperatureForm::raw};
  ModelConfig fused = plain;
  fused.activation = ActivationKind::none;
  fused.ffn_fused = true;
  ModelConfig pythia = plain;
  pythia.family = Family::pythia;
  ModelConfig simplified = plain;
  simplified.family = Family::simplified;
  ModelConfig two_quad = plain;
  two_quad.attention = AttentionKind::two_quad;
  ModelConfig relu = plain;
  relu.attention = AttentionKind::relu;

  std::vector<std::string> names;
  for (const ModelConfig& config : {plain, fused, pythia, simplified, two_quad, relu}) {
    for (const ForwardOperation& operation : forward_operations(config, whole_context(config))) {
      if (std::ranges::find(names, operation.name) == names.end()) names.push_back(operation.name);
    }
  }
  return names;
}

}  // namespace aero::cost
