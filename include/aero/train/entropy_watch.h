#pragma once

#include "aero/train/callback.h"
#include "aero/train/entropy_statistics.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace aero::train {

enum class EntropyState { normal, collapsed, overloaded, nonfinite };

/// The attention's entropy at a step.
struct EntropyRecord {
  EntropyStatistics statistics;
  LearnedScalars scalars;
  /// The state of each layer: collapsed below entropy.collapse_below, overloaded above
  /// entropy.overload_above (shares of uniform entropy), nonfinite with rows that are not finite.
  std::vector<EntropyState> states;

  /// Lists the layers in that state.
  std::vector<std::int64_t> layers(EntropyState state) const;
};

/// Measures entropy on held-out data every entropy.every and at the end, and reports it to all
/// callbacks. Logs each layer whose state changes: collapsed, overloaded, not finite, or in range
/// again. Uniform attention, with which training from small weights begins, counts as overloaded.
class EntropyWatch : public Callback {
 public:
  /// Calls `proceed` before each batch; false stops the measurement.
  EntropyWatch(std::shared_ptr<const data::Corpus> corpus, std::function<bool()> proceed)
      : corpus_(std::move(corpus)), proceed_(std::move(proceed)) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;
  void on_nonfinite(Trainer& trainer, const NonfiniteEvent& event) override;

 private:
  std::optional<EntropyRecord> measure(Trainer& trainer);
  void report(Trainer& trainer);

  std::shared_ptr<const data::Corpus> corpus_;
  std::function<bool()> proceed_;
  std::vector<EntropyState> states_;  // of each layer, as last reported
};

}  // namespace aero::train
