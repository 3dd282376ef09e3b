#include "aero/pipeline/pricing.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero::pipeline {

Pricing::Pricing(const CostChoice& choice) {
  const bool has_network = !choice.network.empty() && choice.network != "none";
  if (choice.model.empty() && has_network) {
    throw UsageError(fmt::format(
        "network: {}: a network is of no use without a cost model; name a cost model, too",
        choice.network));
  }
  if (choice.model.empty()) return;
  model_ = std::make_shared<const cost::CostModel>(cost::CostModel::load(choice.model));
  if (has_network) network_ = cost::load_network(choice.network);
}

std::string Pricing::label() const {
  if (!model_) return "";
  return model_->name() + (network_ ? "." + network_->name : "");
}

std::vector<report::PrivateInference> Pricing::charge(const ModelConfig& config) const {
  if (!model_) return {};
  return {{.pass = "whole context",
           .cost = model_->price(config, cost::whole_context(config), network_),
           .sensitivities = {}}};
}

}  // namespace aero::pipeline
