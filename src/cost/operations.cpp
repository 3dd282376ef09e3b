#include "aero/cost/operations.h"

#include "aero/cost/forward_pass.h"

#include <algorithm>
#include <array>

namespace aero::cost {
namespace {

enum class Line { attention, block_norm, final_norm, activation };
constexpr std::array lines{Line::attention, Line::block_norm, Line::final_norm, Line::activation};

bool stands_in(Line line, const ForwardOperation& o) {
  const PrimitiveRole role = traits(o.primitive).role;  // a fixed norm is a scale
  switch (line) {
    case Line::attention:
      return role == PrimitiveRole::attention;
    case Line::block_norm:
      return role == PrimitiveRole::norm && o.layer >= 0;
    case Line::final_norm:
      return role == PrimitiveRole::norm && o.layer < 0;
    case Line::activation:
      return role == PrimitiveRole::activation;
  }
  return false;
}

/// Returns the first primitive that the papers write with the same letter.
Primitive papers_primitive(Primitive primitive) {
  return std::ranges::find(primitives, traits(primitive).letter, &PrimitiveTraits::letter)
      ->primitive;
}

}  // namespace

std::string Operation::name() const {
  return (is_final ? "final_" : "") + std::string(traits(primitive).name);
}

std::string Operation::papers_name() const {
  return is_final ? name() : std::string(traits(primitive).letter);
}

std::vector<Operation> nonlinear_operations(const ModelConfig& config) {
  const auto pass = forward_operations(config, whole_context(config));
  std::vector<Operation> operations;
  for (const Line line : lines) {
    // Every block has the same kind, of the same shape.
    Operation sum;
    for (const ForwardOperation& o : pass) {
      if (!stands_in(line, o)) continue;
      sum = {papers_primitive(o.primitive), line == Line::final_norm, sum.count + o.count, o.m,
             o.n};
    }
    if (sum.count > 0) operations.push_back(sum);
  }
  return operations;
}

}  // namespace aero::cost
