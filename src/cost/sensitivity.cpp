#include "aero/cost/sensitivity.h"

#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>

namespace aero::cost {
namespace {

/// Prices the same pass under other assumptions, and keeps those that make a difference.
class Variations {
 public:
  Variations(const CostModel& model, const ModelConfig& config, const Pass& pass,
             const std::optional<Network>& network)
      : model_(model),
        config_(config),
        pass_(pass),
        network_(network),
        given_(model.price(config, pass, network)) {}

  /// Adds the price under an assumption, or why there is none: the cost model may have no formula
  /// for an operation that folds, or none that holds for another constant.
  void add(const std::string& assumption, const Assumptions& assumptions) {
    try {
      add(assumption, model_.price(config_, pass_, network_, assumptions));
    } catch (const UsageError& error) {
      list_.push_back({.assumption = assumption, .unpriced = error.what()});
    }
  }

  void add(const std::string& assumption, const Network& network) {
    add(assumption, model_.price(config_, pass_, network));
  }

  std::vector<Sensitivity> take() { return std::move(list_); }

 private:
  void add(const std::string& assumption, const PiCost& cost) {
    if (cost.comm_bytes == given_.comm_bytes && cost.latency_seconds == given_.latency_seconds) {
      return;
    }
    list_.push_back({.assumption = assumption,
                     .comm_bytes = cost.comm_bytes,
                     .latency_seconds = cost.latency_seconds});
  }

  const CostModel& model_;
  const ModelConfig& config_;
  const Pass& pass_;
  const std::optional<Network>& network_;
  PiCost given_;
  std::vector<Sensitivity> list_;
};

}  // namespace

std::vector<Sensitivity> sensitivities(const CostModel& model, const ModelConfig& config,
                                       const Pass& pass, const std::optional<Network>& network) {
  Variations variations(model, config, pass, network);
  for (const std::string& constant : model.constants()) {
    variations.add(fmt::format("constant {} + 10%", constant), {.factors = {{constant, 1.1}}});
  }
  variations.add("temperatures are public", {.temperature = Operand::constant});
  variations.add("temperatures are the server's", {.temperature = Operand::weight});
  variations.add("nothing is folded beforehand", {.fold = false});
  if (network) {
    Network slow = *network;
    slow.bits_per_second /= 2;
    variations.add("half the bandwidth", slow);
    Network far = *network;
    far.round_trip_seconds *= 2;
    variations.add("twice the round trip", far);
  }
  return variations.take();
}

}  // namespace aero::cost
