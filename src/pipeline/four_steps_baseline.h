#pragma once

#include "aero/pipeline/four_steps_plan.h"
#include "aero/pipeline/member_result.h"
#include "aero/train/signal_watch.h"

#include <filesystem>
#include <optional>
#include <string>

namespace aero::pipeline {

/// Why the loaded model is not the one of the base config: "its model.d_model is 64, that of
/// base.json 128". Dropout and initial values may differ. Empty where it is. Throws Error when
/// there is no checkpoint.
std::string baseline_conflict(const FourSteps& plan);

/// What keeps the result of the loaded baseline's evaluation, FOLDER/baseline.json.
std::filesystem::path baseline_file(const FourSteps& plan);

/// The loaded baseline as plan.evaluated, or else that file, says it was evaluated; nothing where
/// it was not, or was on other data, to another extent, or with other weights.
std::optional<MemberResult> evaluated_baseline(const FourSteps& plan);

/// Evaluates it on the held-out split, as a run of the base config would be, into plan.evaluated.
/// The signal where one broke it off.
std::optional<train::Outcome> evaluate_baseline(FourSteps& plan, train::SignalWatch& signals);

}  // namespace aero::pipeline
