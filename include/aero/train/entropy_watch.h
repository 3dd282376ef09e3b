#pragma once

#include "aero/train/callback.h"
#include "aero/train/entropy_statistics.h"

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace aero::train {

enum class EntropyState { normal, collapsed, overloaded, nonfinite };

/// What there is to tell of the attention's entropy at a step.
struct EntropyRecord {
  EntropyStatistics statistics;
  LearnedScalars scalars;
  /// By layer: its mean is below entropy.collapse_below, or above entropy.overload_above, or it has
  /// rows that are not finite.
  std::vector<EntropyState> states;

  /// The layers in that state.
  std::vector<std::int64_t> layers(EntropyState state) const;
};

/// Measures on held-out data every entropy.every and at the end, reports to all callbacks, and
/// names in the log each layer whose attention begins to collapse, to overload or not to be finite,
/// or ends to. Uniform attention, where training from small weights begins, is overload too.
class EntropyWatch : public Callback {
 public:
  /// `proceed` is asked between batches; false breaks a measurement off.
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
  std::vector<EntropyState> states_;  // by layer, what was last told of
};

}  // namespace aero::train
