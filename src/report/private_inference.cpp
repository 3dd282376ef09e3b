#include "aero/report/private_inference.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

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
    const auto& [bytes, rounds, seconds] = priced.price;
    if (found == shares.end()) {
      shares.push_back({name, bytes, seconds});
    } else {
      found->bytes += bytes;
      found->compute_seconds = found->compute_seconds && seconds
                                   ? std::optional(*found->compute_seconds + *seconds)
                                   : std::nullopt;
    }
  }
  return shares;
}

std::string kind(const PricedOperation& priced) {
  using enum cost::PrimitiveRole;
  switch (cost::traits(priced.operation.primitive).role) {
    case look_up:
    case head:
      return "embedding and head";
    case product:
      return priced.operation.operand == cost::Operand::activation ? "attention products"
                                                                   : "weight products";
    case scale:
      return "scales";
    case norm:
      return "norms";
    case attention:
      return "softmax";
    case activation:
      return "activations";
  }
  throw Error("a primitive of an unknown role");
}

}  // namespace

std::vector<Share> by_operation(const cost::PiCost& cost) {
  return grouped(cost, [](const PricedOperation& priced) { return priced.operation.name; });
}

std::vector<Share> by_layer(const cost::PiCost& cost) {
  return grouped(cost, [](const PricedOperation& priced) {
    const auto layer = priced.operation.layer;
    return layer < 0 ? priced.operation.name : fmt::format("layer {}", layer);
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

std::vector<std::string> remarks(const cost::PiCost& cost) {
  std::vector<std::string> lines;
  for (const auto& [name, reason] : cost.uncharged) {
    lines.push_back(fmt::format("Not charged: {}, {}.", name, reason));
  }
  lines.insert(lines.end(), cost.notes.begin(), cost.notes.end());
  return lines;
}

std::string remarks_markdown(const std::vector<std::vector<PrivateInference>>& models) {
  std::vector<std::string> lines;
  const auto add = [&lines](const std::string& line) {
    if (std::ranges::find(lines, line) == lines.end()) lines.push_back(line);
  };
  for (const auto& entries : models) {
    if (entries.empty()) continue;
    const auto& [pass, cost, sensitivities] = entries.front();
    const std::string network = cost.network.empty() ? "" : ", network " + cost.network;
    add(fmt::format("Charged by {}{}: {}.", cost.cost_model, network, pass));
  }
  for (const auto& entries : models) {
    if (!entries.empty()) std::ranges::for_each(remarks(entries.front().cost), add);
  }
  return lines.empty() ? "" : "\n" + bullets(lines);
}

std::string bullets(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text.append("- ").append(line).append("\n");
  return text;
}

}  // namespace aero::report
