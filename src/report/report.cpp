#include "aero/report/report.h"

#include "aero/config/notation.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

namespace aero::report {

Report make_report(const RunConfig& config) {
  if (!config.model.own_parts.empty()) {
    throw UsageError(fmt::format(
        "model.own_parts: \"{}\": a program brought these parts, and a report can count "
        "only AERO's own; clear the key to report the model with AERO's parts instead",
        config.model.own_parts));
  }
  return {.config = config,
          .architecture = architecture_name(config.model),
          .parameters = cost::count_parameters(config.model),
          .buffers = cost::count_buffers(config.model),
          .flops = cost::forward_flops(config.model),
          .prefill_flops = cost::forward_flops(config.model, cost::prefill(config.model)).causal,
          .token_flops = cost::forward_flops(config.model, cost::one_token(config.model)).causal,
          .training_flops_per_token = cost::training_flops_per_token(config.model),
          .training_flops_per_step = cost::training_flops_per_step(config),
          .operations = cost::nonlinear_operations(config.model),
          .memory = cost::estimate_memory(config),
          .pi = {}};
}

}  // namespace aero::report
