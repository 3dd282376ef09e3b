#include "aero/cost/operations.h"

#include "aero/cost/forward_pass.h"

#include <algorithm>
#include <array>

namespace aero::cost {
namespace {

/// One line of a list: the operations of these roles, under the name that the papers give them.
struct Line {
  std::vector<std::string> roles;
  std::string prefix;
};

std::string papers_name(const std::string& primitive) {
  return primitive == "gelu_tanh" ? "gelu" : primitive;
}

}  // namespace

std::vector<Operation> nonlinear_operations(const ModelConfig& config) {
  const auto pass = forward_operations(config, whole_context(config));
  const std::array<Line, 4> lines{{{{"softmax", "softmax_2quad", "relu_attention"}, ""},
                                   {{"norm1", "norm2"}, ""},
                                   {{"final_norm"}, "final_"},
                                   {{"activation"}, ""}}};
  std::vector<Operation> operations;
  for (const Line& line : lines) {
    // Alike in every block: the same kind, of the same shape.
    Operation sum;
    for (const ForwardOperation& o : pass) {
      if (std::ranges::find(line.roles, o.name) == line.roles.end()) continue;
      if (o.primitive == "multiply") continue;  // a fixed norm
      sum = {line.prefix + papers_name(o.primitive), sum.count + o.count, o.m, o.n};
    }
    if (sum.count > 0) operations.push_back(sum);
  }
  return operations;
}

}  // namespace aero::cost
