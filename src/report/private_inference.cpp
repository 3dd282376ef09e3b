#include "aero/report/private_inference.h"

#include <algorithm>
#include <array>
#include <functional>

namespace aero::report {
namespace {

using cost::PricedOperation;
using NameOf = std::function<std::string(const PricedOperation&)>;

std::vector<Share> grouped(const cost::PiCost& cost, const NameOf& name_of) {
  std::vector<Share> shares;
  for (const PricedOperation& priced : cost.operations) {
    const std::string name = name_of(priced);
    const auto found = std::ranges::find(shares, name, &Share::name);
    if (found == shares.end()) {
      shares.push_back({name, priced.price.bytes});
    } else {
      found->bytes += priced.price.bytes;
    }
  }
  return shares;
}

std::string kind(const PricedOperation& priced) {
  const cost::ForwardOperation& operation = priced.operation;
  const std::string& primitive = operation.primitive;
  if (primitive == "embedding" || primitive == "position" || primitive == "head") {
    return "embedding and head";
  }
  if (primitive == "matmul") {
    return operation.operand == cost::Operand::activation ? "attention products"
                                                          : "weight products";
  }
  if (primitive == "multiply") return "scales";
  if (primitive.ends_with("norm")) return "norms";
  if (primitive.starts_with("softmax")) return "softmax";
  return "activations";
}

}  // namespace

std::vector<Share> by_operation(const cost::PiCost& cost) {
  return grouped(cost, [](const PricedOperation& priced) { return priced.operation.name; });
}

std::vector<Share> by_layer(const cost::PiCost& cost) {
  return grouped(cost, [](const PricedOperation& priced) {
    const auto layer = priced.operation.layer;
    return layer < 0 ? priced.operation.name : "layer " + std::to_string(layer);
  });
}

std::vector<Share> by_kind(const cost::PiCost& cost) {
  const auto shares = grouped(cost, kind);
  constexpr std::array order{
      "embedding and head", "weight products", "attention products", "softmax", "norms",
      "activations",        "scales"};
  std::vector<Share> sorted;
  for (const char* name : order) {
    const auto found = std::ranges::find(shares, name, &Share::name);
    if (found != shares.end() && found->bytes > 0) sorted.push_back(*found);
  }
  return sorted;
}

}  // namespace aero::report
