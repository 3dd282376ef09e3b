#pragma once

#include "aero/data/corpus.h"
#include "aero/train/callback.h"
#include "aero/train/evaluation.h"

#include <memory>

namespace aero::train {

/// Evaluates on a held-out split every eval.every and at the end.
class Evaluator : public Callback {
 public:
  /// Calls `proceed` after each batch; false stops an evaluation, which is then not reported.
  Evaluator(std::shared_ptr<const data::Corpus> corpus, std::function<bool()> proceed)
      : corpus_(std::move(corpus)), proceed_(std::move(proceed)) {}

  void on_start(Trainer& trainer) override;
  void on_step(Trainer& trainer, const StepRecord& record) override;

 private:
  void evaluate_when_due(Trainer& trainer);

  std::shared_ptr<const data::Corpus> corpus_;
  std::function<bool()> proceed_;
};

}  // namespace aero::train
