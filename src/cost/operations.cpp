#include "aero/cost/operations.h"

#include "count.h"
#include "pieces.h"

namespace aero::cost {
namespace {

/// Empty for none.
std::string norm_name(NormKind kind) {
  switch (kind) {
    case NormKind::layernorm:
      return "layernorm";
    case NormKind::rmsnorm:
      return "rmsnorm";
    case NormKind::none:
      return "";
  }
  throw Error("a norm of an unknown kind");
}

/// Empty for none.
std::string activation_name(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::gelu:
    case ActivationKind::gelu_tanh:
      return "gelu";
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::leaky_relu:
      return "leaky_relu";
    case ActivationKind::none:
      return "";
  }
  throw Error("an activation of an unknown kind");
}

}  // namespace

std::vector<Operation> nonlinear_operations(const ModelConfig& m) {
  const BlockNorms norms = block_norms(m);
  const std::string block_norm = norm_name(norms.kind);
  const std::string final_norm = norm_name(m.final_norm_kind());
  const std::string activation = activation_name(m.activation);

  std::vector<Operation> operations{
      {"softmax", (Count(m.n_layer) * m.n_head).value(), m.context, m.context}};
  if (!block_norm.empty()) {
    operations.push_back({block_norm, norms.count, m.context, m.d_model});
  }
  if (!final_norm.empty()) operations.push_back({"final_" + final_norm, 1, m.context, m.d_model});
  if (!activation.empty() && m.ffn_count() > 0) {
    operations.push_back({activation, m.ffn_count(), m.context, m.ffn_width()});
  }
  return operations;
}

}  // namespace aero::cost
