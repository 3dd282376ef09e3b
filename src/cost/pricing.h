#pragma once

#include "aero/cost/network.h"

#include "cost_model_description.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace aero::cost {

/// Prices one pass by one cost model.
class Pricing {
 public:
  Pricing(const CostModelDescription& model, const ModelConfig& config, const Pass& pass,
          const std::optional<Network>& network, const Assumptions& assumptions);

  PiCost cost();

 private:
  bool applies(const Exception& exception) const;
  void add(const AddedOperation& added, const std::string& place);
  /// Leaves out operations that fold and those that the cost model does not charge.
  void leave_out();
  std::string reason_to_leave_out(const ForwardOperation& operation) const;
  void join();
  Price price(const ForwardOperation& operation);
  void set_setup();
  void set_latency(double gmac);

  const CostModelDescription& model_;
  const ModelConfig& config_;
  const std::optional<Network>& network_;
  const Assumptions& assumptions_;
  const bool is_whole_context_;
  PrimitivePrices prices_;
  std::map<std::string, double> values_;
  std::vector<ForwardOperation> operations_;
  /// Prices by name, arguments and count, since the layers of a model are alike.
  std::map<std::tuple<std::string, std::vector<double>, double>, Price> priced_;
  PiCost cost_;
};

}  // namespace aero::cost
