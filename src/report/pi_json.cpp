#include "pi_json.h"

#include "forward_text.h"

#include <cmath>
#include <cstdint>
#include <optional>
#include <utility>

namespace aero::report {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t whole(double value) {
  return static_cast<std::int64_t>(std::llround(value));
}

Json or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json shares_json(const std::vector<Share>& shares) {
  Json object = Json::object();
  for (const Share& share : shares) object[share.name] = whole(share.bytes);
  return object;
}

Json operations_json(const cost::PiCost& cost) {
  Json list = Json::array();
  for (const auto& [operation, price] : cost.operations) {
    Json entry = forward_json(operation);
    entry["bytes"] = whole(price.bytes);
    entry["rounds"] = or_null(price.rounds);
    entry["compute_s"] = or_null(price.compute_seconds);
    list.push_back(std::move(entry));
  }
  return list;
}

Json uncharged_json(const cost::PiCost& cost) {
  Json object = Json::object();
  for (const auto& [name, reason] : cost.uncharged) object[name] = reason;
  return object;
}

Json sensitivities_json(const std::vector<cost::Sensitivity>& list) {
  Json array = Json::array();
  for (const auto& entry : list) {
    const bool is_priced = entry.unpriced.empty();
    array.push_back({{"assumption", entry.assumption},
                     {"comm_bytes", is_priced ? Json(whole(entry.comm_bytes)) : Json()},
                     {"latency_s", or_null(entry.latency_seconds)}});
    if (!is_priced) array.back()["unpriced"] = entry.unpriced;
  }
  return array;
}

}  // namespace

Json pi_json(const PrivateInference& entry) {
  const cost::PiCost& cost = entry.cost;
  return {{"cost_model", cost.cost_model},
          {"network", cost.network.empty() ? Json() : Json(cost.network)},
          {"comm_bytes", whole(cost.comm_bytes)},
          {"rounds", or_null(cost.rounds)},
          {"latency_s", or_null(cost.latency_seconds)},
          {"by_operation", shares_json(by_operation(cost))},
          {"by_layer", shares_json(by_layer(cost))},
          {"pass", entry.pass},
          {"setup_bytes", cost.setup_bytes ? Json(whole(*cost.setup_bytes)) : Json()},
          {"setup_s", or_null(cost.setup_seconds)},
          {"compute_s", or_null(cost.compute_seconds)},
          {"operations", operations_json(cost)},
          {"uncharged", uncharged_json(cost)},
          {"notes", cost.notes},
          {"sensitivity", sensitivities_json(entry.sensitivities)}};
}

}  // namespace aero::report
