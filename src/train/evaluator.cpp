#include "aero/train/evaluator.h"

#include "aero/train/trainer.h"

#include <cstdint>

namespace aero::train {

void Evaluator::on_start(Trainer& trainer) {
  // A signal may have stopped the evaluation at the step of the checkpoint.
  if (trainer.step() > 0 && trainer.evaluated_step() != trainer.step()) evaluate_when_due(trainer);
}

void Evaluator::on_step(Trainer& trainer, const StepRecord& /*record*/) {
  evaluate_when_due(trainer);
}

void Evaluator::evaluate_when_due(Trainer& trainer) {
  const auto& config = trainer.config();
  const auto every = trainer.to_steps(config.eval.every);
  const bool is_due = every > 0 && trainer.step() % every == 0;
  if (!is_due && trainer.step() != trainer.total_steps()) return;
  EvaluationOptions options;
  options.batch_size = config.evaluation_batch();
  options.batches = config.eval.batches;
  options.precision = config.train.dtype;
  options.communicator = trainer.communicator();
  options.progress = [this](std::int64_t, std::int64_t) { return proceed_(); };
  const auto evaluation = evaluate(trainer.decoder(), *corpus_, options);
  if (evaluation) trainer.report(*evaluation);
}

}  // namespace aero::train
