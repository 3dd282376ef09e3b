#include "primitive_calls.h"

#include "aero/core/error.h"

#include <algorithm>

namespace aero::cost {
namespace {

/// How the arguments follow from an operation's shape.
enum class Shape { table, head, product, rows, elements };

struct Entry {
  CalledPrimitive primitive;
  Shape shape;
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = [] {
    const std::vector<std::string> look_up{"tokens", "words", "width"};
    const std::vector<std::string> matrix{"m", "k", "n"};
    const std::vector<std::string> rows{"rows", "columns"};
    std::vector<Entry> list{
        {{"embedding", look_up, "embedding", Operand::weight}, Shape::table},
        {{"position", look_up, "position", Operand::weight}, Shape::table},
        {{"head", look_up, "head", Operand::weight}, Shape::head},
        {{"matmul_weight", matrix, "matmul", Operand::weight}, Shape::product},
        {{"matmul_activation", matrix, "matmul", Operand::activation}, Shape::product},
        {{"multiply_activation", {"n"}, "multiply", Operand::activation}, Shape::elements},
        {{"multiply_weight", {"n"}, "multiply", Operand::weight}, Shape::elements},
        {{"multiply_constant", {"n"}, "multiply", Operand::constant}, Shape::elements},
    };
    for (const char* name :
         {"softmax", "softmax_2quad", "relu_attention", "layernorm", "rmsnorm"}) {
      list.push_back({{name, rows, name, Operand::none}, Shape::rows});
    }
    for (const char* name : {"gelu", "gelu_tanh", "relu", "leaky_relu", "quadratic"}) {
      list.push_back({{name, {"n"}, name, Operand::none}, Shape::elements});
    }
    return list;
  }();
  return all;
}

}  // namespace

const std::vector<CalledPrimitive>& called_primitives() {
  static const std::vector<CalledPrimitive> all = [] {
    std::vector<CalledPrimitive> list;
    for (const Entry& entry : entries()) list.push_back(entry.primitive);
    return list;
  }();
  return all;
}

PrimitiveCall primitive_call(const ForwardOperation& o) {
  const double count = static_cast<double>(o.count);
  const double m = static_cast<double>(o.m);
  const double k = static_cast<double>(o.k);
  const double n = static_cast<double>(o.n);
  for (const auto& [primitive, shape] : entries()) {
    if (primitive.operation != o.primitive || primitive.operand != o.operand) continue;
    switch (shape) {
      case Shape::table:
        return {&primitive, {m, k, n}, count};
      case Shape::head:
        return {&primitive, {m, n, k}, count};
      case Shape::product:
        return {&primitive, {m, k, n}, count};
      case Shape::rows:
        return {&primitive, {count * m, n}, 1};
      case Shape::elements:
        return {&primitive, {count * m * n}, 1};
    }
  }
  throw Error("operation " + o.name + ": no cost model can price a " + o.primitive +
              " with this operand");
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
